#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "thalweg/base/check.h"
#include "thalweg/io/posix_error_internal.h"
#include "thalweg/io/posix_file_internal.h"

namespace thalweg::io {
namespace {

/// How far apart IsResident probes: the usual read-ahead window brings in at least this much at once.
constexpr uint64_t kProbeStrideBytes = 64 * 1024;

bool IsAligned(uint64_t offset, ByteView piece) {
  return ((offset | piece.size() | reinterpret_cast<uintptr_t>(piece.data())) & (kDirectAlignment - 1)) == 0;
}

/// Whether an error says that the call is not offered here, as opposed to having failed.
bool IsUnsupported(int error) { return error == EOPNOTSUPP || error == ENOSYS || error == EINVAL; }

enum class Probe { kThere, kWouldWait, kUnsupported, kFailed };

/// One preadv2(RWF_NOWAIT); `got` is meaningful with kThere only.
Probe ReadNoWait(int fd, uint64_t offset, MutableByteView into, size_t& got, int& error) {
  iovec vec{into.data(), into.size()};
  for (;;) {
    const ssize_t n = ::preadv2(fd, &vec, 1, static_cast<off_t>(offset), RWF_NOWAIT);
    if (n >= 0) {
      got = static_cast<size_t>(n);
      return Probe::kThere;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return Probe::kWouldWait;
    error = errno;
    return IsUnsupported(error) ? Probe::kUnsupported : Probe::kFailed;
  }
}

/// Bytes of `piece` that a synchronous write through `fd` put on the device before it ended or `error` stopped it.
size_t WriteDsync(int fd, uint64_t offset, ByteView piece, int& error) {
  size_t done = 0;
  error = 0;
  while (done < piece.size()) {
    iovec vec{const_cast<uint8_t*>(piece.data()) + done, piece.size() - done};
    const ssize_t n = ::pwritev2(fd, &vec, 1, static_cast<off_t>(offset + done), RWF_DSYNC);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      error = n < 0 ? errno : EIO;
      break;
    }
    done += static_cast<size_t>(n);
  }
  return done;
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

PosixFile::PosixFile(std::string path, Descriptor buffered, Descriptor direct, std::shared_ptr<DeviceSupport> support)
    : path_(std::move(path)),
      buffered_(std::move(buffered)),
      direct_(std::move(direct)),
      support_(std::move(support)) {}

arrow::Result<size_t> PosixFile::ReadAt(uint64_t offset, MutableByteView into) {
  size_t done = 0;
  // What is written past the page cache is read past it, too, where it can be: such a file is read once, at a start, and
  // filling the page cache with it takes longer than the device does.
  if (direct_.get() >= 0 && support_->direct.load(std::memory_order_relaxed) && IsAligned(offset, into)) {
    while (done < into.size()) {
      const ssize_t n =
          ::pread(direct_.get(), into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && !IsUnsupported(errno)) return ErrnoError(errno, "read", path_);
      if (n == 0) return done;
      if (n < 0) break;
      done += static_cast<size_t>(n);
      if (done % kDirectAlignment != 0) break;  // the end of the file, or nearly
    }
  }
  while (done < into.size()) {
    const ssize_t n =
        ::pread(buffered_.get(), into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoError(errno, "read", path_);
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

arrow::Result<int64_t> PosixFile::ReadAtNoWait(uint64_t offset, MutableByteView into) {
  size_t done = 0;
  while (done < into.size() && support_->read_no_wait.load(std::memory_order_relaxed)) {
    size_t got = 0;
    int error = 0;
    switch (ReadNoWait(buffered_.get(), offset + done, into.subspan(done), got, error)) {
      case Probe::kWouldWait:
        return -1;
      case Probe::kFailed:
        return ErrnoError(error, "read", path_);
      case Probe::kUnsupported:
        support_->read_no_wait = false;
        break;
      case Probe::kThere:
        if (got == 0) return static_cast<int64_t>(done);
        done += got;
        break;
    }
  }
  if (done == into.size()) return static_cast<int64_t>(done);
  // Such a file system (tmpfs) answers from memory, or cannot tell; either way nothing better is to be had.
  ARROW_ASSIGN_OR_RAISE(const size_t rest, ReadAt(offset + done, into.subspan(done)));
  return static_cast<int64_t>(done + rest);
}

bool PosixFile::IsResident(uint64_t offset, uint64_t bytes) {
  if (bytes == 0) return true;
  const uint64_t last = offset + bytes - 1;
  for (uint64_t at = offset;; at = std::min(at + kProbeStrideBytes, last)) {
    if (!support_->read_no_wait.load(std::memory_order_relaxed)) return true;
    uint8_t byte;
    size_t got = 0;
    int error = 0;
    switch (ReadNoWait(buffered_.get(), at, {&byte, 1}, got, error)) {
      case Probe::kThere:
        break;
      case Probe::kUnsupported:
        support_->read_no_wait = false;
        break;
      case Probe::kWouldWait:
      case Probe::kFailed:
        return false;
    }
    if (at == last) return true;
  }
}

arrow::Status PosixFile::WriteAt(uint64_t offset, std::span<const ByteView> pieces) {
  std::array<iovec, 64> vecs;
  static_assert(std::tuple_size_v<decltype(vecs)> <= IOV_MAX);
  size_t skip = 0;  // bytes of pieces.front() that are written already
  while (!pieces.empty()) {
    size_t count = 0;
    for (; count < std::min(vecs.size(), pieces.size()); ++count) {
      const ByteView piece = count == 0 ? pieces[0].subspan(skip) : pieces[count];
      vecs[count] = {const_cast<uint8_t*>(piece.data()), piece.size()};
    }
    const ssize_t n = ::pwritev(buffered_.get(), vecs.data(), static_cast<int>(count), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoError(errno, "write", path_);
    offset += static_cast<uint64_t>(n);
    skip += static_cast<size_t>(n);
    const bool stuck = n == 0 && skip < pieces.front().size();
    if (stuck) return ErrnoError(EIO, "write", path_);
    while (!pieces.empty() && skip >= pieces.front().size()) {
      skip -= pieces.front().size();
      pieces = pieces.subspan(1);
    }
  }
  return arrow::Status::OK();
}

arrow::Status PosixFile::WriteDurable(uint64_t offset, ByteView piece) {
  int error = 0;
  if (direct_.get() >= 0) {
    TW_CHECK(IsAligned(offset, piece));
    if (support_->direct.load(std::memory_order_relaxed)) {
      // A short direct write leaves a remainder that may not be aligned: it goes through the page cache below.
      const size_t done = WriteDsync(direct_.get(), offset, piece, error);
      if (done == piece.size()) return arrow::Status::OK();
      if (!IsUnsupported(error)) return ErrnoError(error, "write", path_);
      if (done == 0) support_->direct = false;
      offset += done;
      piece = piece.subspan(done);
    }
  }
  if (support_->write_dsync.load(std::memory_order_relaxed)) {
    const size_t done = WriteDsync(buffered_.get(), offset, piece, error);
    if (done == piece.size()) return arrow::Status::OK();
    if (!IsUnsupported(error)) return ErrnoError(error, "write", path_);
    support_->write_dsync = false;
    offset += done;
    piece = piece.subspan(done);
  }
  ARROW_RETURN_NOT_OK(WriteAt(offset, {&piece, 1}));
  return Sync();
}

arrow::Status PosixFile::Sync() {
  // Not repeated on EINTR or anything else: after a failure the kernel may have dropped the data and would report
  // success.
  if (::fdatasync(buffered_.get()) != 0) return ErrnoError(errno, "sync", path_);
  return arrow::Status::OK();
}

arrow::Status PosixFile::WriteBack(uint64_t offset, uint64_t bytes) {
  constexpr unsigned kWait = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  if (bytes == 0) return arrow::Status::OK();  // for the system call 0 is all that follows
  if (::sync_file_range(buffered_.get(), static_cast<off_t>(offset), static_cast<off_t>(bytes), kWait) != 0 &&
      !IsUnsupported(errno)) {
    return ErrnoError(errno, "sync", path_);
  }
  return arrow::Status::OK();
}

arrow::Status PosixFile::Truncate(uint64_t size) {
  while (::ftruncate(buffered_.get(), static_cast<off_t>(size)) != 0) {
    if (errno != EINTR) return ErrnoError(errno, "truncate", path_);
  }
  return arrow::Status::OK();
}

arrow::Result<uint64_t> PosixFile::Size() {
  struct stat stat;
  if (::fstat(buffered_.get(), &stat) != 0) return ErrnoError(errno, "stat", path_);
  return static_cast<uint64_t>(stat.st_size);
}

}  // namespace thalweg::io
