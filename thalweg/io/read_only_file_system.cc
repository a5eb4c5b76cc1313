#include "thalweg/io/read_only_file_system.h"

#include <utility>

#include "thalweg/base/error.h"

namespace thalweg::io {
namespace {

arrow::Status Refused(const std::string& path) {
  return Error(ErrorCode::kStorage, "{} would be changed, but is only looked at.", path);
}

class ReadOnlyFile final : public File {
 public:
  explicit ReadOnlyFile(std::unique_ptr<File> file) : file_(std::move(file)) {}

  arrow::Result<size_t> ReadAt(uint64_t offset, MutableByteView into) override { return file_->ReadAt(offset, into); }
  arrow::Result<int64_t> ReadAtNoWait(uint64_t offset, MutableByteView into) override {
    return file_->ReadAtNoWait(offset, into);
  }
  bool IsResident(uint64_t offset, uint64_t bytes) override { return file_->IsResident(offset, bytes); }
  arrow::Status WriteAt(uint64_t, std::span<const ByteView>) override { return Refused(path()); }
  arrow::Status WriteDurable(uint64_t, ByteView) override { return Refused(path()); }
  arrow::Status Sync() override { return arrow::Status::OK(); }
  arrow::Status WriteBack(uint64_t, uint64_t) override { return arrow::Status::OK(); }
  arrow::Status Truncate(uint64_t) override { return Refused(path()); }
  arrow::Result<uint64_t> Size() override { return file_->Size(); }
  const std::string& path() const override { return file_->path(); }
  int NativeHandle() const override { return file_->NativeHandle(); }

 private:
  const std::unique_ptr<File> file_;
};

}  // namespace

arrow::Result<std::unique_ptr<File>> ReadOnlyFileSystem::Open(const std::string& path, const OpenOptions& options) {
  using enum OpenOptions::Mode;
  if (options.mode == kCreateNew || options.mode == kTruncate) return Refused(path);
  ARROW_ASSIGN_OR_RAISE(auto file, fs_.Open(path, {.mode = kReadOnly, .direct = options.direct}));
  return std::make_unique<ReadOnlyFile>(std::move(file));
}

arrow::Status ReadOnlyFileSystem::Rename(const std::string& from, const std::string&) { return Refused(from); }
arrow::Status ReadOnlyFileSystem::Remove(const std::string&) { return arrow::Status::OK(); }
arrow::Status ReadOnlyFileSystem::RemoveTree(const std::string&) { return arrow::Status::OK(); }
arrow::Status ReadOnlyFileSystem::SyncDirectory(const std::string&) { return arrow::Status::OK(); }

arrow::Status ReadOnlyFileSystem::CreateDirectories(const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const bool exists, fs_.Exists(path));
  return exists ? arrow::Status::OK() : Refused(path);
}

arrow::Result<std::unique_ptr<FileSystem::Lock>> ReadOnlyFileSystem::AcquireLock(const std::string& path) {
  return Refused(path);
}

}  // namespace thalweg::io
