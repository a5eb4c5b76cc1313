#pragma once

#include <memory>
#include <string>
#include <vector>

#include "thalweg/io/file_system.h"

namespace thalweg::io {

/// Another file system through which nothing can be changed. Files open for reading, whatever is asked for; making,
/// renaming and writing are refused (STORAGE). Remove and Sync do nothing and succeed, so that code which tidies up on its
/// way can be run to look only; nobody may take a lock.
/// Thread safety: as that of the other.
class ReadOnlyFileSystem final : public FileSystem {
 public:
  /// `fs` must outlive this.
  explicit ReadOnlyFileSystem(FileSystem& fs) : fs_(fs) {}

  arrow::Result<std::unique_ptr<File>> Open(const std::string& path, const OpenOptions& options) override;
  arrow::Status Rename(const std::string& from, const std::string& to) override;
  arrow::Status Remove(const std::string& path) override;
  arrow::Status RemoveTree(const std::string& path) override;
  arrow::Status CreateDirectories(const std::string& path) override;
  arrow::Status SyncDirectory(const std::string& path) override;
  arrow::Result<bool> Exists(const std::string& path) override { return fs_.Exists(path); }
  arrow::Result<std::vector<Entry>> List(const std::string& path) override { return fs_.List(path); }
  arrow::Result<uint64_t> FreeBytes(const std::string& path) override { return fs_.FreeBytes(path); }
  arrow::Result<std::unique_ptr<Lock>> AcquireLock(const std::string& path) override;

 private:
  FileSystem& fs_;
};

}  // namespace thalweg::io
