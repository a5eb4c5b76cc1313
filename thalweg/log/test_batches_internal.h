#pragma once

#include <cstdint>
#include <memory>

#include "thalweg/base/bytes.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/log/bucket_log.h"

namespace thalweg::log {

/// For tests: what a batch of a fake log consists of. The bodies are noise, which the log does not look at.
struct BatchRecipe {
  int32_t records = 1;  ///< 0 gives an empty batch, which takes one offset
  size_t body_bytes = 100;
  WriterId writer = kNoWriter;
  int32_t sequence = -1;
  int64_t timestamp_ms = 0;
  bool statistics = false;
};

/// A sound batch at `base`; its bytes and statistics depend on base and recipe alone.
inline LogBatch MakeBatch(LogOffset base, const BatchRecipe& recipe) {
  const size_t body = recipe.records == 0 ? 0 : recipe.body_bytes;
  auto bytes = std::make_shared<Buffer>(format::kHeaderBytesV0 + body);
  uint64_t noise = static_cast<uint64_t>(base.value) * 0x9E3779B97F4A7C15ull + body;
  for (size_t i = 0; i < body; ++i) {
    noise = noise * 6364136223846793005ull + 1442695040888963407ull;
    bytes->data()[format::kHeaderBytesV0 + i] = static_cast<uint8_t>(noise >> 56);
  }
  format::WriteHeaderV0({.base_offset = base,
                         .commit_timestamp_ms = recipe.timestamp_ms,
                         .schema_id = SchemaId(1),
                         .attributes = format::kAppendOnlyAttribute,
                         .writer_id = recipe.writer,
                         .batch_sequence = recipe.sequence,
                         .record_count = recipe.records},
                        bytes->view());
  format::StoreCrc(bytes->view());
  LogBatch batch{.batch = Bytes(std::shared_ptr<const Buffer>(std::move(bytes)))};
  if (recipe.statistics) batch.statistics = Bytes::Copy(AsBytes(fmt::format("statistics of {}", base)));
  return batch;
}

inline LogOffset NextOf(const LogBatch& batch) {
  return format::ParseHeader(batch.batch.view()).ValueOrDie().next_offset();
}

}  // namespace thalweg::log
