#include "thalweg/io/posix_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <utility>

#include "thalweg/base/error.h"
#include "thalweg/io/posix_error_internal.h"
#include "thalweg/io/posix_file_internal.h"

namespace thalweg::io {
namespace {

int OpenRetrying(const char* path, int flags) {
  for (;;) {
    const int fd = ::open(path, flags | O_CLOEXEC, 0644);
    if (fd >= 0 || errno != EINTR) return fd;
  }
}

int FlagsOf(OpenOptions::Mode mode) {
  switch (mode) {
    case OpenOptions::Mode::kReadOnly:
      return O_RDONLY;
    case OpenOptions::Mode::kReadWrite:
      return O_RDWR;
    case OpenOptions::Mode::kCreate:
      return O_RDWR | O_CREAT;
    case OpenOptions::Mode::kCreateNew:
      return O_RDWR | O_CREAT | O_EXCL;
    case OpenOptions::Mode::kTruncate:
      return O_RDWR | O_CREAT | O_TRUNC;
  }
  return O_RDONLY;
}

class PosixLock final : public FileSystem::Lock {
 public:
  explicit PosixLock(Descriptor held) : held_(std::move(held)) {}

 private:
  const Descriptor held_;  // closing it gives the lock back; the file stays
};

}  // namespace

PosixFileSystem::PosixFileSystem() = default;
PosixFileSystem::~PosixFileSystem() = default;

std::shared_ptr<DeviceSupport> PosixFileSystem::SupportOf(uint64_t device) {
  std::lock_guard lock(mutex_);
  std::shared_ptr<DeviceSupport>& support = devices_[device];
  if (!support) support = std::make_shared<DeviceSupport>();
  return support;
}

arrow::Result<std::unique_ptr<File>> PosixFileSystem::Open(const std::string& path, const OpenOptions& options) {
  Descriptor buffered(OpenRetrying(path.c_str(), FlagsOf(options.mode)));
  if (buffered.get() < 0) return ErrnoError(errno, "open", path);
  struct stat stat;
  if (::fstat(buffered.get(), &stat) != 0) return ErrnoError(errno, "stat", path);
  if (S_ISDIR(stat.st_mode)) return ErrnoError(EISDIR, "open", path);

  std::shared_ptr<DeviceSupport> support = SupportOf(stat.st_dev);
  Descriptor direct;
  if (options.direct && options.mode != OpenOptions::Mode::kReadOnly && support->direct) {
    direct = Descriptor(OpenRetrying(path.c_str(), O_RDWR | O_DIRECT));
    if (direct.get() < 0) {
      if (errno != EINVAL && errno != EOPNOTSUPP) return ErrnoError(errno, "open", path);
      support->direct = false;
    }
  }
  return std::make_unique<PosixFile>(path, std::move(buffered), std::move(direct), std::move(support));
}

arrow::Status PosixFileSystem::Rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return ErrnoError(errno, "rename to " + to + " the file", from);
  return arrow::Status::OK();
}

arrow::Status PosixFileSystem::Remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return ErrnoError(errno, "remove", path);
  return arrow::Status::OK();
}

arrow::Status PosixFileSystem::RemoveTree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return ErrnoError(error.value(), "remove", path);
  return arrow::Status::OK();
}

arrow::Status PosixFileSystem::CreateDirectories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return ErrnoError(error.value(), "create the folder", path);
  return arrow::Status::OK();
}

arrow::Status PosixFileSystem::SyncDirectory(const std::string& path) {
  const Descriptor folder(OpenRetrying(path.c_str(), O_RDONLY | O_DIRECTORY));
  if (folder.get() < 0) return ErrnoError(errno, "open the folder", path);
  if (::fsync(folder.get()) != 0) return ErrnoError(errno, "sync the folder", path);
  return arrow::Status::OK();
}

arrow::Result<bool> PosixFileSystem::Exists(const std::string& path) {
  struct stat stat;
  if (::stat(path.c_str(), &stat) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return ErrnoError(errno, "stat", path);
}

arrow::Result<std::vector<Entry>> PosixFileSystem::List(const std::string& path) {
  DIR* const folder = ::opendir(path.c_str());
  if (folder == nullptr) return ErrnoError(errno, "list", path);
  const std::unique_ptr<DIR, int (*)(DIR*)> closer(folder, &::closedir);

  std::vector<Entry> entries;
  for (;;) {
    errno = 0;
    const dirent* const found = ::readdir(folder);
    if (found == nullptr) break;
    const std::string_view name = found->d_name;
    if (name == "." || name == "..") continue;
    struct stat stat;
    if (::fstatat(::dirfd(folder), found->d_name, &stat, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // removed meanwhile
      return ErrnoError(errno, "stat", path + "/" + found->d_name);
    }
    const bool is_directory = S_ISDIR(stat.st_mode);
    entries.push_back({std::string(name), is_directory, is_directory ? 0 : static_cast<uint64_t>(stat.st_size)});
  }
  if (errno != 0) return ErrnoError(errno, "list", path);
  std::ranges::sort(entries, {}, &Entry::name);
  return entries;
}

arrow::Result<uint64_t> PosixFileSystem::FreeBytes(const std::string& path) {
  struct statvfs stat;
  if (::statvfs(path.c_str(), &stat) != 0) return ErrnoError(errno, "find the free space of", path);
  return static_cast<uint64_t>(stat.f_bavail) * stat.f_frsize;
}

namespace {

/// Locks what is open; the message of a refusal holds the pid that stands in the file.
arrow::Status TakeLock(const Descriptor& held, const std::string& path) {
  while (::flock(held.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return ErrnoError(errno, "lock", path);
    char text[32];
    const ssize_t n = ::pread(held.get(), text, sizeof text, 0);
    std::string holder(text, n > 0 ? static_cast<size_t>(n) : 0);
    while (!holder.empty() && (holder.back() == '\n' || holder.back() == '\0')) holder.pop_back();
    return Error(ErrorCode::kStorage, "{} is locked by process {}. Stop that process, or use another folder.", path,
                 holder.empty() ? "(not known)" : holder);
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<std::unique_ptr<FileSystem::Lock>> PosixFileSystem::AcquireLock(const std::string& path) {
  Descriptor held(OpenRetrying(path.c_str(), O_RDWR | O_CREAT));
  if (held.get() < 0) return ErrnoError(errno, "open", path);
  ARROW_RETURN_NOT_OK(TakeLock(held, path));
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(held.get(), 0) != 0) return ErrnoError(errno, "truncate", path);
  if (::pwrite(held.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return ErrnoError(errno, "write", path);
  }
  return std::make_unique<PosixLock>(std::move(held));
}

arrow::Result<std::unique_ptr<FileSystem::Lock>> LockUnchanged(const std::string& path) {
  Descriptor held(OpenRetrying(path.c_str(), O_RDONLY));
  if (held.get() < 0) return ErrnoError(errno, "open", path);
  ARROW_RETURN_NOT_OK(TakeLock(held, path));
  return std::make_unique<PosixLock>(std::move(held));
}

}  // namespace thalweg::io
