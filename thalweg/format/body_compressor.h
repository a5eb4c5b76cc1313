#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "arrow/type_fwd.h"
#include "thalweg/base/bytes.h"
#include "thalweg/format/arrow_metadata.h"

namespace thalweg::format {

/// Lays the buffers of an Arrow message one behind the other, compressed where a codec says so, as Fluss's server does:
/// each compressed buffer is | size before i64 | data |; one that would grow stands as it is behind −1; an empty one is a
/// size of 0 and nothing else. Each starts at a multiple of 8. Keeps its memory. Thread safety: none.
class BodyCompressor {
 public:
  /// `zstd_level` is ignored by the other codecs.
  static arrow::Result<BodyCompressor> Make(BodyCodec codec, int zstd_level);
  ~BodyCompressor();
  BodyCompressor(BodyCompressor&&) noexcept;

  BodyCodec codec() const { return codec_; }
  void Clear();
  arrow::Status Add(ByteView buffer);
  /// All buffers since Clear(), a multiple of 8 bytes, and where each of them lies in it.
  ByteView body() const { return body_; }
  std::span<const BodyBuffer> buffers() const { return buffers_; }

 private:
  BodyCompressor(BodyCodec codec, std::unique_ptr<arrow::util::Codec> compressor);
  arrow::Status AddCompressed(ByteView buffer);

  BodyCodec codec_;
  std::unique_ptr<arrow::util::Codec> compressor_;
  std::vector<uint8_t> body_;
  std::vector<BodyBuffer> buffers_;
};

}  // namespace thalweg::format
