#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "arrow/result.h"
#include "thalweg/io/file.h"
#include "thalweg/io/file_system.h"

namespace thalweg::log {

/// Segment files that are open, shared by all buckets: at most `files_max` that nobody uses, the least recently used is
/// closed first. A file somebody holds stays open whatever its place here; BucketLog holds those with unsynced writes,
/// because a write error may be lost with the last descriptor.
///
/// Thread safety: all calls; no lock is held while a file is opened or closed.
class OpenFiles {
 public:
  explicit OpenFiles(io::FileSystem& fs, size_t files_max = 512) : fs_(fs), files_max_(files_max) {}
  OpenFiles(const OpenFiles&) = delete;

  /// The file for reading and writing, which must exist; opened where it is not. Blocks.
  arrow::Result<std::shared_ptr<io::File>> Get(const std::string& path);
  /// As Get for a file that must not exist yet.
  arrow::Result<std::shared_ptr<io::File>> Create(const std::string& path);
  /// The file if it is open, else null. Does not block.
  std::shared_ptr<io::File> GetIfOpen(const std::string& path);
  /// Later calls open `path` anew: before it is renamed or removed. Who holds the file keeps it.
  void Forget(const std::string& path);

  size_t size() const;

 private:
  struct Slot {
    std::string path;
    std::shared_ptr<io::File> file;
  };
  std::shared_ptr<io::File> Keep(const std::string& path, std::shared_ptr<io::File> file);

  io::FileSystem& fs_;
  const size_t files_max_;
  mutable std::mutex mutex_;
  std::list<Slot> recent_;  ///< most recently used first
  std::unordered_map<std::string, std::list<Slot>::iterator> by_path_;
};

}  // namespace thalweg::log
