#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"

namespace thalweg::format {

/// An encapsulated Arrow IPC message: continuation 0xFFFFFFFF, i32 metadata size, flatbuffer (padded to 8), body.
inline constexpr uint32_t kArrowContinuation = 0xFFFFFFFF;
inline constexpr size_t kArrowPrefixBytes = 8;

/// How the buffers of a message's body are compressed.
enum class BodyCodec : uint8_t { kNone, kLz4Frame, kZstd };
inline constexpr size_t kBodyCodecCount = 3;

struct FieldNode {
  int64_t length = 0;
  int64_t null_count = 0;
};
static_assert(sizeof(FieldNode) == 16);

/// Place of one buffer, from the start of the body.
struct BodyBuffer {
  int64_t offset = 0;
  int64_t length = 0;
};
static_assert(sizeof(BodyBuffer) == 16);

/// The metadata of one record batch message, verified: its flatbuffer is sound, it is a record batch of a known codec.
/// What nodes and buffers say is not judged here.
class ArrowMetadata {
 public:
  /// `flatbuffer` is the metadata behind the prefix; it must outlive the result (it is copied only when misaligned).
  /// CORRUPT_RECORD for anything that is not a sound record batch message.
  static arrow::Result<ArrowMetadata> Parse(ByteView flatbuffer);

  int64_t row_count() const { return row_count_; }
  int64_t body_bytes() const { return body_bytes_; }
  BodyCodec codec() const { return codec_; }
  size_t node_count() const { return node_count_; }
  size_t buffer_count() const { return buffer_count_; }
  FieldNode node(size_t index) const;
  BodyBuffer buffer(size_t index) const;

 private:
  std::unique_ptr<uint64_t[]> aligned_;
  const uint8_t* nodes_ = nullptr;
  const uint8_t* buffers_ = nullptr;
  size_t node_count_ = 0;
  size_t buffer_count_ = 0;
  int64_t row_count_ = 0;
  int64_t body_bytes_ = 0;
  BodyCodec codec_ = BodyCodec::kNone;
};

/// The size that stands in the prefix of a message. CORRUPT_RECORD where it is no prefix, or the size is no positive
/// multiple of 8. `prefix` holds at least kArrowPrefixBytes.
arrow::Result<size_t> ArrowMetadataBytes(ByteView prefix);

/// Prefix and metadata of a message with given numbers of nodes and buffers: all but the values is fixed, so a copy
/// needs only these filled in, each a little-endian i64 (pairs of them for nodes and buffers).
struct ArrowMetadataTemplate {
  static ArrowMetadataTemplate Make(size_t node_count, size_t buffer_count, BodyCodec codec);

  Bytes bytes;  ///< prefix and flatbuffer; a multiple of 8
  size_t row_count_at = 0;
  size_t body_bytes_at = 0;
  size_t nodes_at = 0;
  size_t buffers_at = 0;
};

}  // namespace thalweg::format
