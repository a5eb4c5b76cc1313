#pragma once

#include <cstdint>
#include <memory>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/base/bytes.h"
#include "thalweg/format/arrow_metadata.h"

namespace arrow::util {
class Decompressor;
}

namespace thalweg::format {

/// A record batch message of codec NONE.
struct PlainMessage {
  Bytes metadata;                       ///< without the prefix
  std::shared_ptr<arrow::Buffer> body;  ///< each buffer at a multiple of 64 bytes
};

/// Decompresses the body of a message whose `metadata` names a codec. At most `bytes_max` bytes are taken for it, whatever
/// its buffers say. One decompression context serves all buffers: making one asks the processor what it can, which in a
/// virtual machine costs as much as decompressing 20 KB.
/// CORRUPT_RECORD: buffers outside the body, or that do not become what they say. RECORD_TOO_LARGE: more than `bytes_max`.
arrow::Result<PlainMessage> InflateBody(const ArrowMetadata& metadata, ByteView body, uint64_t bytes_max);

/// Decompresses single buffers of bodies of one codec, with a context that it keeps.
/// Thread safety: none.
class BufferInflater {
 public:
  /// `codec` is not kNone.
  static arrow::Result<BufferInflater> Make(BodyCodec codec);
  BufferInflater(BufferInflater&&) noexcept;
  BufferInflater& operator=(BufferInflater&&) noexcept;
  ~BufferInflater();

  /// The bytes of `buffer`, with memory of their own; `*bytes_left` goes down by what they take. Errors as above, with
  /// RECORD_TOO_LARGE where that does not suffice.
  arrow::Result<std::shared_ptr<arrow::Buffer>> Inflate(BodyBuffer buffer, ByteView body, uint64_t* bytes_left);

 private:
  explicit BufferInflater(std::shared_ptr<arrow::util::Decompressor> decompressor);

  std::shared_ptr<arrow::util::Decompressor> decompressor_;
};

}  // namespace thalweg::format
