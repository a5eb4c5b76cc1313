#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"
#include "thalweg/format/key_codec.h"
#include "thalweg/format/row_layout.h"
#include "thalweg/schema/table_config.h"
#include "thalweg/schema/table_descriptor.h"

namespace thalweg::format {

/// Makes the batches that one table takes, of rows of its Arrow schema: log batches in the table's log format, or, for a
/// table with a primary key, KV batches that put each row under its key.
/// Thread safety: none.
class BatchEncoder {
 public:
  /// `table` has the schema of that id.
  static arrow::Result<BatchEncoder> Make(SchemaId schema_id, const schema::TableDescriptor& table);

  /// INVALID_TABLE where a column of the primary key is null.
  arrow::Result<Bytes> Encode(const arrow::RecordBatch& rows, WriterId writer, int32_t sequence) const;
  /// Of a table with a primary key: a batch that deletes the keys of `rows`, whose other columns are not looked at.
  arrow::Result<Bytes> EncodeDeletes(const arrow::RecordBatch& rows, WriterId writer, int32_t sequence) const;

 private:
  BatchEncoder(SchemaId schema_id, schema::TableConfig config) : schema_id_(schema_id), config_(std::move(config)) {}

  arrow::Result<Bytes> EncodeRowLog(const arrow::RecordBatch& rows, WriterId writer, int32_t sequence) const;
  arrow::Result<Bytes> EncodeKv(const arrow::RecordBatch& rows, bool deletes, WriterId writer, int32_t sequence) const;

  SchemaId schema_id_;
  schema::TableConfig config_;
  std::vector<schema::DataType> types_;
  std::optional<RowLayout> layout_;  ///< of rows under keys
  std::optional<KeyCodec> keys_;
};

}  // namespace thalweg::format
