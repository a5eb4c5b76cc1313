#include "thalweg/io/rocksdb_file_system.h"

#include <string>
#include <utility>
#include <vector>

#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "thalweg/base/error.h"

namespace thalweg::io {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

IOStatus ToRocksdb(const arrow::Status& status) {
  if (status.ok()) return IOStatus::OK();
  if (CodeOf(status) == ErrorCode::kDiskWriteLocked) return IOStatus::NoSpace(status.message());
  return IOStatus::IOError(status.message());
}

IOStatus ReadAt(File& file, uint64_t offset, size_t n, Slice* result, char* scratch) {
  const auto got = file.ReadAt(offset, {reinterpret_cast<uint8_t*>(scratch), n});
  *result = Slice(scratch, got.ok() ? *got : 0);
  return ToRocksdb(got.status());
}

class SequentialFile final : public rocksdb::FSSequentialFile {
 public:
  explicit SequentialFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
  IOStatus Read(size_t n, const IOOptions&, Slice* result, char* scratch, IODebugContext*) override {
    IOStatus status = ReadAt(*file_, position_, n, result, scratch);
    position_ += result->size();
    return status;
  }
  IOStatus Skip(uint64_t n) override {
    position_ += n;
    return IOStatus::OK();
  }

 private:
  const std::unique_ptr<File> file_;
  uint64_t position_ = 0;
};

class RandomAccessFile final : public rocksdb::FSRandomAccessFile {
 public:
  explicit RandomAccessFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
  IOStatus Read(uint64_t offset, size_t n, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) const override {
    return ReadAt(*file_, offset, n, result, scratch);
  }

 private:
  const std::unique_ptr<File> file_;
};

/// RocksDB writes its options down at every start, for people to read; nothing is lost where that file is, so it is not
/// worth two of the five syncs of a start.
bool IsOptionsFile(const std::string& path) { return path.compare(path.find_last_of('/') + 1, 8, "OPTIONS-") == 0; }

class WritableFile final : public rocksdb::FSWritableFile {
 public:
  WritableFile(std::unique_ptr<File> file, uint64_t size) : file_(std::move(file)), size_(size) {}

  using FSWritableFile::Append;
  IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override {
    const ByteView piece(reinterpret_cast<const uint8_t*>(data.data()), data.size());
    IOStatus status = ToRocksdb(file_->WriteAt(size_, {&piece, 1}));
    if (status.ok()) size_ += data.size();
    return status;
  }
  IOStatus Truncate(uint64_t size, const IOOptions&, IODebugContext*) override {
    IOStatus status = ToRocksdb(file_->Truncate(size));
    if (status.ok()) size_ = size;
    return status;
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    return IsOptionsFile(file_->path()) ? IOStatus::OK() : ToRocksdb(file_->Sync());
  }
  bool IsSyncThreadSafe() const override { return true; }
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return size_; }

 private:
  const std::unique_ptr<File> file_;
  uint64_t size_;
};

class Directory final : public rocksdb::FSDirectory {
 public:
  Directory(FileSystem& fs, std::string path) : fs_(fs), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return ToRocksdb(fs_.SyncDirectory(path_)); }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* context,
                               const rocksdb::DirFsyncOptions& changed) override {
    if (changed.reason == rocksdb::DirFsyncOptions::kFileRenamed && IsOptionsFile(changed.renamed_new_name)) {
      return IOStatus::OK();
    }
    return Fsync(options, context);
  }
  // The base class calls this not supported, and RocksDB reports that as a failed Close.
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  FileSystem& fs_;
  const std::string path_;
};

class HeldLock final : public rocksdb::FileLock {
 public:
  explicit HeldLock(std::unique_ptr<FileSystem::Lock> lock) : lock_(std::move(lock)) {}

 private:
  const std::unique_ptr<FileSystem::Lock> lock_;
};

class RocksdbFileSystem final : public rocksdb::FileSystem {
 public:
  explicit RocksdbFileSystem(io::FileSystem& fs) : fs_(fs) {}

  const char* Name() const override { return "thalweg"; }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* result, IODebugContext*) override {
    std::unique_ptr<File> file;
    if (IOStatus status = Open(path, OpenOptions::Mode::kReadOnly, file); !status.ok()) return status;
    *result = std::make_unique<SequentialFile>(std::move(file));
    return IOStatus::OK();
  }

  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result, IODebugContext*) override {
    std::unique_ptr<File> file;
    if (IOStatus status = Open(path, OpenOptions::Mode::kReadOnly, file); !status.ok()) return status;
    *result = std::make_unique<RandomAccessFile>(std::move(file));
    return IOStatus::OK();
  }

  IOStatus NewWritableFile(const std::string& path, const FileOptions&,
                           std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext*) override {
    return NewWritable(path, OpenOptions::Mode::kTruncate, result);
  }

  IOStatus ReopenWritableFile(const std::string& path, const FileOptions&,
                              std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext*) override {
    return NewWritable(path, OpenOptions::Mode::kCreate, result);
  }

  IOStatus NewDirectory(const std::string& path, const IOOptions&, std::unique_ptr<rocksdb::FSDirectory>* result,
                        IODebugContext*) override {
    if (IOStatus status = MustExist(path); !status.ok()) return status;
    *result = std::make_unique<Directory>(fs_, path);
    return IOStatus::OK();
  }

  IOStatus FileExists(const std::string& path, const IOOptions&, IODebugContext*) override {
    const auto exists = fs_.Exists(path);
    if (!exists.ok()) return ToRocksdb(exists.status());
    return *exists ? IOStatus::OK() : IOStatus::NotFound(path);
  }

  IOStatus GetChildren(const std::string& path, const IOOptions&, std::vector<std::string>* result,
                       IODebugContext*) override {
    result->clear();
    if (IOStatus status = MustExist(path); !status.ok()) return status;
    auto entries = fs_.List(path);
    if (!entries.ok()) return ToRocksdb(entries.status());
    for (Entry& entry : *entries) result->push_back(std::move(entry.name));
    return IOStatus::OK();
  }

  IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
    if (IOStatus status = MustExist(path); !status.ok()) return status;
    return ToRocksdb(fs_.Remove(path));
  }

  IOStatus Truncate(const std::string& path, size_t size, const IOOptions&, IODebugContext*) override {
    std::unique_ptr<File> file;
    if (IOStatus status = Open(path, OpenOptions::Mode::kReadWrite, file); !status.ok()) return status;
    return ToRocksdb(file->Truncate(size));
  }

  IOStatus CreateDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    const auto exists = fs_.Exists(path);
    if (exists.ok() && *exists) return IOStatus::IOError(path, "exists");
    return ToRocksdb(fs_.CreateDirectories(path));
  }

  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions&, IODebugContext*) override {
    return ToRocksdb(fs_.CreateDirectories(path));
  }

  IOStatus DeleteDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    const auto entries = fs_.List(path);
    if (!entries.ok()) return ToRocksdb(entries.status());
    if (!entries->empty()) return IOStatus::IOError(path, "is not empty");
    return ToRocksdb(fs_.RemoveTree(path));
  }

  IOStatus GetFileSize(const std::string& path, const IOOptions&, uint64_t* size, IODebugContext*) override {
    std::unique_ptr<File> file;
    if (IOStatus status = Open(path, OpenOptions::Mode::kReadOnly, file); !status.ok()) return status;
    const auto found = file->Size();
    if (found.ok()) *size = *found;
    return ToRocksdb(found.status());
  }

  IOStatus GetFileModificationTime(const std::string& path, const IOOptions&, uint64_t* seconds,
                                   IODebugContext*) override {
    *seconds = 0;
    return MustExist(path);
  }

  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&, IODebugContext*) override {
    if (IOStatus status = MustExist(from); !status.ok()) return status;
    return ToRocksdb(fs_.Rename(from, to));
  }

  IOStatus LockFile(const std::string& path, const IOOptions&, rocksdb::FileLock** lock, IODebugContext*) override {
    auto held = fs_.AcquireLock(path);
    *lock = held.ok() ? new HeldLock(std::move(*held)) : nullptr;  // freed by UnlockFile
    return ToRocksdb(held.status());
  }

  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
    delete lock;
    return IOStatus::OK();
  }

  IOStatus GetTestDirectory(const IOOptions&, std::string*, IODebugContext*) override {
    return IOStatus::NotSupported("GetTestDirectory");
  }

  IOStatus GetAbsolutePath(const std::string& path, const IOOptions&, std::string* result, IODebugContext*) override {
    *result = path;
    return IOStatus::OK();
  }

  IOStatus GetFreeSpace(const std::string& path, const IOOptions&, uint64_t* bytes, IODebugContext*) override {
    const auto free = fs_.FreeBytes(path);
    if (free.ok()) *bytes = *free;
    return ToRocksdb(free.status());
  }

  IOStatus IsDirectory(const std::string& path, const IOOptions&, bool* is_directory, IODebugContext*) override {
    if (IOStatus status = MustExist(path); !status.ok()) return status;
    *is_directory = fs_.List(path).ok();
    return IOStatus::OK();
  }

 private:
  IOStatus MustExist(const std::string& path) {
    const auto exists = fs_.Exists(path);
    if (!exists.ok()) return ToRocksdb(exists.status());
    return *exists ? IOStatus::OK() : IOStatus::PathNotFound(path);
  }

  IOStatus Open(const std::string& path, OpenOptions::Mode mode, std::unique_ptr<File>& file) {
    auto opened = fs_.Open(path, {.mode = mode});
    if (opened.ok()) {
      file = std::move(*opened);
      return IOStatus::OK();
    }
    // RocksDB takes some files for optional, and tells them from a broken disk by this code.
    if (IOStatus missing = MustExist(path); missing.IsPathNotFound() && mode == OpenOptions::Mode::kReadOnly)
      return missing;
    return ToRocksdb(opened.status());
  }

  IOStatus NewWritable(const std::string& path, OpenOptions::Mode mode,
                       std::unique_ptr<rocksdb::FSWritableFile>* result) {
    std::unique_ptr<File> file;
    if (IOStatus status = Open(path, mode, file); !status.ok()) return status;
    const auto size = file->Size();
    if (!size.ok()) return ToRocksdb(size.status());
    *result = std::make_unique<WritableFile>(std::move(file), *size);
    return IOStatus::OK();
  }

  io::FileSystem& fs_;
};

class QuietLogger final : public rocksdb::Logger {
 public:
  QuietLogger() : Logger(rocksdb::InfoLogLevel::HEADER_LEVEL) {}
  using Logger::Logv;
  void Logv(const char*, va_list) override {}
};

}  // namespace

std::shared_ptr<rocksdb::Env> MakeRocksdbEnv(FileSystem& fs) {
  return rocksdb::NewCompositeEnv(std::make_shared<RocksdbFileSystem>(fs));
}

std::shared_ptr<rocksdb::Logger> MakeQuietRocksdbLogger() { return std::make_shared<QuietLogger>(); }

}  // namespace thalweg::io
