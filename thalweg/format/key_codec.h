#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/bytes.h"
#include "thalweg/format/bucket_hash.h"
#include "thalweg/format/datum.h"
#include "thalweg/format/key_encoder.h"
#include "thalweg/format/row_view.h"
#include "thalweg/schema/data_type.h"
#include "thalweg/schema/table_config.h"
#include "thalweg/schema/table_descriptor.h"

namespace thalweg::format {

/// The formats of a table's keys; its lake format and `table.kv.format-version` (1 where a table has none) decide:
///
///   lake            | bucket key | primary key, version 1 | primary key, version 2
///   none, LANCE     | COMPACTED  | COMPACTED              | COMPACTED
///   PAIMON, ICEBERG | the lake's | the lake's             | the lake's where the bucket key is the default one, else
///                   |            |                        | COMPACTED, in which a bucket key is a prefix of its keys
///   HUDI            | its own    | COMPACTED              | COMPACTED
///
/// INVALID_CONFIG for another version.
arrow::Result<KeyFormat> PrimaryKeyFormat(const schema::TableConfig& config, bool has_default_bucket_key);
/// UNSUPPORTED_VERSION for HUDI, whose bucket keys this server does not make.
arrow::Result<KeyFormat> BucketKeyFormat(std::optional<schema::LakeFormat> lake);
arrow::Result<BucketFunction> BucketFunctionOf(std::optional<schema::LakeFormat> lake);

/// Keys of one table: from rows to bytes, as clients send them, and back.
class KeyCodec {
 public:
  /// The physical primary key: the primary key's columns less the partition's, in their order.
  static arrow::Result<KeyCodec> ForPrimaryKey(const schema::TableDescriptor& table, const schema::TableConfig& config);
  /// The columns that choose the bucket.
  static arrow::Result<KeyCodec> ForBucketKey(const schema::TableDescriptor& table, const schema::TableConfig& config);
  /// The columns that choose the bucket, as the first of a primary key: what keys are looked up by that begin with them.
  static arrow::Result<KeyCodec> ForPrefix(const schema::TableDescriptor& table, const schema::TableConfig& config);

  KeyFormat format() const { return format_; }
  /// Positions in the table's schema.
  const std::vector<size_t>& columns() const { return columns_; }

  /// Writes the key of `row`, read as a row of the table's schema, over `key`. INVALID_TABLE where a key column is null.
  arrow::Status Encode(const RowView& row, std::vector<uint8_t>* key) const;
  /// The values of columns(). CORRUPT_RECORD where `key` is not one of this format.
  arrow::Result<std::vector<Datum>> Decode(ByteView key) const;

  /// Whether a key can have more in it than the table's rows keep: rows of INDEXED fill CHAR(n) and BINARY(n) up with zeros,
  /// so that those at the end of a value are not told from those behind it.
  bool drops_zeros() const { return drops_zeros_; }
  /// Writes `key` as Encode makes it of its row over `stored`: without those zeros. What is no key stays as it is.
  void DropZeros(ByteView key, std::vector<uint8_t>* stored) const;

 private:
  KeyCodec(KeyFormat format, const schema::TableDescriptor& table, const schema::TableConfig& config,
           std::vector<size_t> columns);

  arrow::Result<std::vector<Datum>> DecodeCompacted(ByteView key) const;
  arrow::Result<Datum> DecodeIceberg(ByteView key) const;

  KeyFormat format_;
  std::vector<size_t> columns_;
  std::vector<schema::DataType> types_;
  bool drops_zeros_ = false;
};

}  // namespace thalweg::format
