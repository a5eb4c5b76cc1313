#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"

namespace thalweg::format {

/// The value of a key, as state keeps it and as lookups return it: | schema id i16 | row of that schema |, little-endian.
struct StoredValue {
  SchemaId schema_id;
  ByteView row;
};
inline constexpr size_t kStoredValuePrefixBytes = sizeof(int16_t);

/// CORRUPT_RECORD where there is no schema id.
arrow::Result<StoredValue> ParseStoredValue(ByteView value);
/// Writes the value over `out`.
void EncodeStoredValue(SchemaId schema_id, ByteView row, std::vector<uint8_t>* out);

/// What LIMIT_SCAN and SCAN_KV answer with: values in the order of their keys, without these.
///
///   0            4         5                  9
///   | length i32 | magic 0 | record count i32 | records: | i32 length of what follows | value |
class ValueBatchBuilder {
 public:
  ValueBatchBuilder() { Start(); }

  void Start();
  /// A value as it is stored.
  void Append(ByteView value);
  int32_t record_count() const { return record_count_; }
  /// Bytes of the batch so far.
  size_t bytes() const { return batch_.size(); }
  /// Good until the next call.
  ByteView Finish();

 private:
  std::vector<uint8_t> batch_;
  int32_t record_count_ = 0;
};

/// The values in `bytes`, which is one whole batch; they refer to it. CORRUPT_RECORD otherwise. For clients and tests.
arrow::Result<std::vector<ByteView>> ParseValueBatch(ByteView bytes);

}  // namespace thalweg::format
