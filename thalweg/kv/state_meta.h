#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"

namespace thalweg::kv {

/// Numbers of an auto-increment column that the bucket may still give out: `next` up to, not including, `end`.
struct AutoIncrementRange {
  int32_t column_id = 0;
  int64_t next = 0;
  int64_t end = 0;
  bool operator==(const AutoIncrementRange&) const = default;
};

/// What belongs to the rows of a bucket and changes with them, in the same step.
struct StateMeta {
  /// The rows hold all of the changelog below it and nothing from there on.
  LogOffset applied{0};
  /// Absent where rows are not counted (changelog image WAL).
  std::optional<int64_t> row_count{};
  std::optional<AutoIncrementRange> auto_increment{};

  bool operator==(const StateMeta&) const = default;
};

/// | u8 version = 1 | u8 flags: 1 row count, 2 auto-increment | i64 applied | i64 row count | i32 column, i64 next, i64 end |,
/// little-endian; what has no flag is left out.
std::string EncodeStateMeta(const StateMeta& meta);
/// UNSUPPORTED_VERSION for a later version, KV_STORAGE for bytes that are no meta.
arrow::Result<StateMeta> DecodeStateMeta(ByteView bytes);

}  // namespace thalweg::kv
