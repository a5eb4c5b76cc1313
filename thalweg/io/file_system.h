#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/io/file.h"

namespace thalweg::io {

struct OpenOptions {
  enum class Mode {
    kReadOnly,   ///< must exist
    kReadWrite,  ///< must exist
    kCreate,     ///< created empty where missing
    kCreateNew,  ///< must not exist
    kTruncate,   ///< created, or emptied
  };
  Mode mode = Mode::kReadOnly;
  /// Bypass the page cache where the file system can (O_DIRECT); silently buffered where it cannot.
  bool direct = false;
};

struct Entry {
  std::string name;  ///< without the folder
  bool is_directory = false;
  uint64_t size = 0;  ///< bytes; 0 for folders
};

/// The only way to the disk. Real (PosixFileSystem), or in memory with faults and power cuts (thalweg/testing).
///
/// Names are made durable by SyncDirectory on the folder that holds them: after a power cut a created, renamed or removed
/// name may be in its old or new state until then. Rename replaces its target in one step.
/// Calls block. Thread safety: all calls.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual arrow::Result<std::unique_ptr<File>> Open(const std::string& path, const OpenOptions& options) = 0;
  virtual arrow::Status Rename(const std::string& from, const std::string& to) = 0;
  /// No error where it is missing.
  virtual arrow::Status Remove(const std::string& path) = 0;
  /// A folder and all in it. No error where it is missing.
  virtual arrow::Status RemoveTree(const std::string& path) = 0;
  /// With its parents. No error where it exists.
  virtual arrow::Status CreateDirectories(const std::string& path) = 0;
  virtual arrow::Status SyncDirectory(const std::string& path) = 0;
  virtual arrow::Result<bool> Exists(const std::string& path) = 0;
  /// In the order of names. An error (kStorage) where the folder is missing.
  virtual arrow::Result<std::vector<Entry>> List(const std::string& path) = 0;
  /// Bytes that may still be written to the device of `path`.
  virtual arrow::Result<uint64_t> FreeBytes(const std::string& path) = 0;

  /// Held until the object goes away. Refused (kStorage; the message holds the pid that the file names) where
  /// another process holds it. Writes this process's pid into the file.
  class Lock {
   public:
    virtual ~Lock() = default;
  };
  virtual arrow::Result<std::unique_ptr<Lock>> AcquireLock(const std::string& path) = 0;
};

/// Reads a whole small file.
arrow::Result<std::string> ReadFile(FileSystem& fs, const std::string& path);
/// Replaces `path` in one durable step: temporary file, Sync, Rename, SyncDirectory of its folder.
arrow::Status ReplaceFile(FileSystem& fs, const std::string& path, ByteView content);
/// The folder part of a path.
std::string ParentOf(const std::string& path);

}  // namespace thalweg::io
