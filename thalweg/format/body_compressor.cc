#include "thalweg/format/body_compressor.h"

#include <utility>

#include "arrow/util/compression.h"
#include "thalweg/base/endian.h"

namespace thalweg::format {
namespace {

constexpr int64_t kStoredRaw = -1;

}  // namespace

BodyCompressor::BodyCompressor(BodyCodec codec, std::unique_ptr<arrow::util::Codec> compressor)
    : codec_(codec), compressor_(std::move(compressor)) {}
BodyCompressor::~BodyCompressor() = default;
BodyCompressor::BodyCompressor(BodyCompressor&&) noexcept = default;

arrow::Result<BodyCompressor> BodyCompressor::Make(BodyCodec codec, int zstd_level) {
  std::unique_ptr<arrow::util::Codec> compressor;
  if (codec == BodyCodec::kZstd) {
    ARROW_ASSIGN_OR_RAISE(compressor, arrow::util::Codec::Create(arrow::Compression::ZSTD, zstd_level));
  } else if (codec == BodyCodec::kLz4Frame) {
    ARROW_ASSIGN_OR_RAISE(compressor, arrow::util::Codec::Create(arrow::Compression::LZ4_FRAME));
  }
  return BodyCompressor(codec, std::move(compressor));
}

void BodyCompressor::Clear() {
  body_.clear();
  buffers_.clear();
}

arrow::Status BodyCompressor::Add(ByteView buffer) {
  const size_t begin = body_.size();
  if (compressor_ == nullptr) {
    body_.insert(body_.end(), buffer.begin(), buffer.end());
  } else {
    ARROW_RETURN_NOT_OK(AddCompressed(buffer));
  }
  buffers_.push_back({static_cast<int64_t>(begin), static_cast<int64_t>(body_.size() - begin)});
  body_.resize((body_.size() + 7) / 8 * 8);
  return arrow::Status::OK();
}

arrow::Status BodyCompressor::AddCompressed(ByteView buffer) {
  const size_t prefix_at = body_.size();
  const size_t data_at = prefix_at + sizeof(int64_t);
  const auto size = static_cast<int64_t>(buffer.size());
  int64_t used = 0;
  if (size > 0) {
    const int64_t room = compressor_->MaxCompressedLen(size, buffer.data());
    body_.resize(data_at + static_cast<size_t>(room));
    ARROW_ASSIGN_OR_RAISE(used, compressor_->Compress(size, buffer.data(), room, body_.data() + data_at));
  }
  body_.resize(data_at + static_cast<size_t>(used));
  StoreLittle(body_.data() + prefix_at, size);
  if (used > size) {
    body_.resize(data_at);
    body_.insert(body_.end(), buffer.begin(), buffer.end());
    StoreLittle(body_.data() + prefix_at, kStoredRaw);
  }
  return arrow::Status::OK();
}

}  // namespace thalweg::format
