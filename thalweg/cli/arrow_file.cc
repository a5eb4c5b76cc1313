#include "thalweg/cli/arrow_file.h"

#include <utility>

#include "arrow/buffer.h"

namespace thalweg::cli {
namespace {

class ArrowFile final : public arrow::io::RandomAccessFile {
 public:
  ArrowFile(std::unique_ptr<io::File> file, int64_t size) : file_(std::move(file)), size_(size) {}
  ~ArrowFile() override = default;

  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }
  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Status Seek(int64_t position) override {
    position_ = position;
    return arrow::Status::OK();
  }
  arrow::Result<int64_t> GetSize() override { return size_; }

  arrow::Result<int64_t> ReadAt(int64_t position, int64_t bytes, void* out) override {
    ARROW_ASSIGN_OR_RAISE(const size_t got, file_->ReadAt(static_cast<uint64_t>(position),
                                                          {static_cast<uint8_t*>(out), static_cast<size_t>(bytes)}));
    return static_cast<int64_t>(got);
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t bytes) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(bytes));
    ARROW_ASSIGN_OR_RAISE(const int64_t got, ReadAt(position, bytes, buffer->mutable_data()));
    ARROW_RETURN_NOT_OK(buffer->Resize(got));
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }
  arrow::Result<int64_t> Read(int64_t bytes, void* out) override {
    ARROW_ASSIGN_OR_RAISE(const int64_t got, ReadAt(position_, bytes, out));
    position_ += got;
    return got;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t bytes) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, ReadAt(position_, bytes));
    position_ += buffer->size();
    return buffer;
  }

 private:
  const std::unique_ptr<io::File> file_;
  const int64_t size_;
  int64_t position_ = 0;
  bool closed_ = false;
};

class ArrowOutput final : public arrow::io::OutputStream {
 public:
  explicit ArrowOutput(std::function<arrow::Status(ByteView)> write) : write_(std::move(write)) {}
  ~ArrowOutput() override = default;

  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }
  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Status Write(const void* data, int64_t bytes) override {
    position_ += bytes;
    return write_({static_cast<const uint8_t*>(data), static_cast<size_t>(bytes)});
  }
  using arrow::io::OutputStream::Write;

 private:
  const std::function<arrow::Status(ByteView)> write_;
  int64_t position_ = 0;
  bool closed_ = false;
};

}  // namespace

arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenForArrow(io::FileSystem& fs, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(auto file, fs.Open(path, {}));
  ARROW_ASSIGN_OR_RAISE(const uint64_t size, file->Size());
  return std::make_shared<ArrowFile>(std::move(file), static_cast<int64_t>(size));
}

std::shared_ptr<arrow::io::OutputStream> WriteForArrow(std::function<arrow::Status(ByteView)> write) {
  return std::make_shared<ArrowOutput>(std::move(write));
}

}  // namespace thalweg::cli
