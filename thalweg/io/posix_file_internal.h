#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "thalweg/io/file.h"

namespace thalweg::io {

/// What one device turned out to support; each flag is cleared for good by the first call that it refuses.
struct DeviceSupport {
  std::atomic<bool> direct = true;        ///< O_DIRECT
  std::atomic<bool> write_dsync = true;   ///< pwritev2(RWF_DSYNC)
  std::atomic<bool> read_no_wait = true;  ///< preadv2(RWF_NOWAIT)
};

/// A file descriptor, closed at the end of its life; -1 is none.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor();
  int get() const { return fd_; }

 private:
  int fd_;
};

/// A file of the operating system. One opened for direct writes holds a second descriptor with O_DIRECT that
/// WriteDurable and aligned reads use; everything else goes through the page cache.
class PosixFile final : public File {
 public:
  PosixFile(std::string path, Descriptor buffered, Descriptor direct, std::shared_ptr<DeviceSupport> support);

  arrow::Result<size_t> ReadAt(uint64_t offset, MutableByteView into) override;
  arrow::Result<int64_t> ReadAtNoWait(uint64_t offset, MutableByteView into) override;
  bool IsResident(uint64_t offset, uint64_t bytes) override;
  arrow::Status WriteAt(uint64_t offset, std::span<const ByteView> pieces) override;
  arrow::Status WriteDurable(uint64_t offset, ByteView piece) override;
  arrow::Status Sync() override;
  arrow::Status WriteBack(uint64_t offset, uint64_t bytes) override;
  arrow::Status Truncate(uint64_t size) override;
  arrow::Result<uint64_t> Size() override;
  const std::string& path() const override { return path_; }
  int NativeHandle() const override { return buffered_.get(); }

 private:
  const std::string path_;
  const Descriptor buffered_;
  const Descriptor direct_;
  const std::shared_ptr<DeviceSupport> support_;
};

}  // namespace thalweg::io
