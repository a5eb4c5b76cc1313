#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"

namespace thalweg::kv {

/// What belongs to the rows of a bucket and changes with them, in the same step.
struct StateMeta {
  /// The rows hold all of the changelog below it and nothing from there on.
  LogOffset applied{0};
  /// Absent where rows are not counted (changelog image WAL).
  std::optional<int64_t> row_count{};

  bool operator==(const StateMeta&) const = default;
};

/// | u8 version = 1 | u8 flags: 1 row count | i64 applied | i64 row count |, little-endian; what has no flag is left out. Flag 2, a
/// range of numbers (i32, i64, i64) behind all of it, was once planned: it is read, and passed over.
std::string EncodeStateMeta(const StateMeta& meta);
/// UNSUPPORTED_VERSION for a later version, KV_STORAGE for bytes that are no meta.
arrow::Result<StateMeta> DecodeStateMeta(ByteView bytes);

}  // namespace thalweg::kv
