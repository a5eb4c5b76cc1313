#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "thalweg/io/file_system.h"

namespace thalweg::io {

struct DeviceSupport;

/// The machine's disks. Needs a Linux kernel with preadv2/pwritev2; what a device lacks of O_DIRECT, RWF_DSYNC and
/// RWF_NOWAIT is found out once per device and replaced by a buffered write + fdatasync or a plain read.
/// Thread safety: all calls.
class PosixFileSystem final : public FileSystem {
 public:
  PosixFileSystem();
  ~PosixFileSystem() override;

  arrow::Result<std::unique_ptr<File>> Open(const std::string& path, const OpenOptions& options) override;
  arrow::Status Rename(const std::string& from, const std::string& to) override;
  arrow::Status Remove(const std::string& path) override;
  arrow::Status RemoveTree(const std::string& path) override;
  arrow::Status CreateDirectories(const std::string& path) override;
  arrow::Status SyncDirectory(const std::string& path) override;
  arrow::Result<bool> Exists(const std::string& path) override;
  arrow::Result<std::vector<Entry>> List(const std::string& path) override;
  arrow::Result<uint64_t> FreeBytes(const std::string& path) override;
  arrow::Result<std::unique_ptr<Lock>> AcquireLock(const std::string& path) override;

 private:
  std::shared_ptr<DeviceSupport> SupportOf(uint64_t device);

  std::mutex mutex_;
  std::map<uint64_t, std::shared_ptr<DeviceSupport>> devices_;  // by st_dev
};

/// As PosixFileSystem::AcquireLock, for who only looks: the file must exist, and nothing is written into it.
arrow::Result<std::unique_ptr<FileSystem::Lock>> LockUnchanged(const std::string& path);

}  // namespace thalweg::io
