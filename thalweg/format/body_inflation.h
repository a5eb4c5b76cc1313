#pragma once

#include <cstdint>
#include <memory>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/base/bytes.h"
#include "thalweg/format/arrow_metadata.h"

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

}  // namespace thalweg::format
