#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/ids.h"
#include "thalweg/format/changelog_builder.h"
#include "thalweg/format/changelog_reader.h"
#include "thalweg/format/key_codec.h"
#include "thalweg/kv/row_merger.h"
#include "thalweg/kv/row_schemas.h"
#include "thalweg/schema/schema.h"
#include "thalweg/schema/table_config.h"
#include "thalweg/schema/table_descriptor.h"

namespace thalweg::tablet {

/// What the buckets of a table with a primary key know of it: one version of the table. Immutable.
class KvTable {
 public:
  /// `schemas`: all versions, oldest first. INVALID_CONFIG for options that cannot be read.
  static arrow::Result<std::shared_ptr<const KvTable>> Make(const schema::TableDescriptor& descriptor,
                                                            std::vector<std::shared_ptr<const schema::Schema>> schemas);

  const schema::TableConfig& config() const { return config_; }
  SchemaId latest() const { return SchemaId(static_cast<int16_t>(schemas_.size())); }
  const schema::Schema& schema() const { return *schemas_.back(); }
  /// Null where there is no such version.
  const schema::Schema* FindSchema(SchemaId id) const;
  const std::shared_ptr<const kv::RowSchemas>& rows() const { return rows_; }
  /// Of the primary key.
  const format::KeyCodec& keys() const { return keys_; }
  /// Of what keys are looked up by that begin with it.
  const format::KeyCodec& prefixes() const { return prefixes_; }
  /// Whether rows are counted: what the changelog says of them must tell an insert from an update.
  bool counts_rows() const { return config_.changelog_image == schema::ChangelogImage::kFull; }
  /// The id of the column whose values the server gives, if there is one.
  std::optional<int32_t> numbered_column() const;

  arrow::Result<std::unique_ptr<kv::RowMerger>> MakeMerger(const kv::WriteMode& mode, kv::IdSource* numbers) const;
  /// A builder of changelog batches of the latest schema, and a reader of those of all.
  arrow::Result<std::unique_ptr<format::ChangelogBuilder>> MakeBuilder() const;
  format::ChangelogReader MakeReader() const;

 private:
  KvTable(format::KeyCodec keys, format::KeyCodec prefixes) : keys_(std::move(keys)), prefixes_(std::move(prefixes)) {}

  schema::TableConfig config_;
  std::vector<std::shared_ptr<const schema::Schema>> schemas_;
  std::shared_ptr<const kv::RowSchemas> rows_;
  format::KeyCodec keys_;
  format::KeyCodec prefixes_;
};

}  // namespace thalweg::tablet
