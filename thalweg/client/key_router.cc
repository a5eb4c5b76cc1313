#include "thalweg/client/key_router.h"

#include <algorithm>
#include <optional>
#include <span>
#include <tuple>

#include "arrow/array/array_base.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "fmt/ranges.h"
#include "thalweg/base/error.h"
#include "thalweg/format/arrow_datum.h"
#include "thalweg/format/key_codec.h"
#include "thalweg/format/partition_text.h"
#include "thalweg/format/rust_bucket_hash.h"
#include "thalweg/schema/arrow_mapping.h"
#include "thalweg/schema/table_config.h"

namespace thalweg::client {
namespace {

/// The columns that keys of `kind` have, by name.
arrow::Result<std::vector<std::string>> KeyColumns(const TableInfo& table, KeyKind kind) {
  const auto& descriptor = table.descriptor;
  const auto& primary = descriptor.schema.primary_key();
  if (primary.empty()) {
    return Error(ErrorCode::kNonPrimaryKeyTable, "{} has no primary key, so no row of it can be looked up: scan it.",
                 table.path);
  }
  if (kind == KeyKind::kWhole) return primary;
  std::vector<std::string> physical = primary;
  std::erase_if(physical, [&](const auto& name) {
    return std::ranges::find(descriptor.partition_keys, name) != descriptor.partition_keys.end();
  });
  const auto& bucket = descriptor.bucket_keys;
  if (bucket.size() >= physical.size() || !std::equal(bucket.begin(), bucket.end(), physical.begin())) {
    return Error(
        ErrorCode::kInvalidTable,
        "{} cannot be looked up by prefix: its rows are in buckets by ({}), and these have to be the first columns "
        "of the primary key ({}), but not all of them.",
        table.path, fmt::join(bucket, ", "), fmt::join(physical, ", "));
  }
  std::vector<std::string> columns = descriptor.partition_keys;
  columns.insert(columns.end(), bucket.begin(), bucket.end());
  return columns;
}

std::vector<size_t> PlacesOf(const std::vector<std::string>& names, const std::vector<std::string>& among) {
  std::vector<size_t> places;
  places.reserve(names.size());
  for (const auto& name : names) places.push_back(static_cast<size_t>(std::ranges::find(among, name) - among.begin()));
  return places;
}

arrow::Result<std::vector<uint8_t>> EncodePart(format::KeyFormat format, std::span<const format::Datum> values,
                                               std::span<const schema::DataType> types,
                                               const std::vector<size_t>& places) {
  std::vector<format::Datum> part;
  std::vector<schema::DataType> part_types;
  for (const size_t place : places) {
    part.push_back(values[place]);
    part_types.push_back(types[place]);
  }
  return format::EncodeKey(format, part, part_types);
}

}  // namespace

arrow::Result<KeyRouter> KeyRouter::Make(const TableInfo& table, KeyKind kind) {
  const auto& descriptor = table.descriptor;
  ARROW_ASSIGN_OR_RAISE(const auto names, KeyColumns(table, kind));
  ARROW_ASSIGN_OR_RAISE(const auto config, schema::TableConfig::Make(descriptor.properties));
  KeyRouter router;
  ARROW_ASSIGN_OR_RAISE(router.key_format_, format::PrimaryKeyFormat(config, descriptor.HasDefaultBucketKey()));
  ARROW_ASSIGN_OR_RAISE(router.bucket_format_, format::BucketKeyFormat(config.lake_format));
  ARROW_ASSIGN_OR_RAISE(router.function_, format::BucketFunctionOf(config.lake_format));
  router.bucket_count_ = std::max(descriptor.bucket_count.value_or(1), 1);
  router.columns_ = descriptor.IndexesOf(names);
  arrow::FieldVector fields;
  for (const size_t column : router.columns_) {
    const auto& of_table = descriptor.schema.columns()[column];
    router.types_.push_back(of_table.type);
    fields.push_back(schema::ToArrowField(of_table.name, of_table.type));
  }
  router.key_schema_ = arrow::schema(std::move(fields));
  router.partition_ = PlacesOf(descriptor.partition_keys, names);
  router.bucket_ = PlacesOf(descriptor.bucket_keys, names);
  for (size_t place = 0; place < names.size(); ++place) {
    if (std::ranges::find(router.partition_, place) == router.partition_.end()) router.key_.push_back(place);
  }
  return router;
}

arrow::Status KeyRouter::CheckKeys(const arrow::RecordBatch& keys) const {
  if (keys.num_columns() != key_schema_->num_fields()) {
    return Error(ErrorCode::kInvalidTable, "A key has {} columns, not {}: {}.", key_schema_->num_fields(),
                 keys.num_columns(), fmt::join(key_schema_->field_names(), ", "));
  }
  for (int i = 0; i < keys.num_columns(); ++i) {
    const auto& field = *key_schema_->field(i);
    if (!keys.column(i)->type()->Equals(*field.type())) {
      return Error(ErrorCode::kInvalidTable, "Values of key column '{}' are {}, not {}.", field.name(),
                   field.type()->ToString(), keys.column(i)->type()->ToString());
    }
    if (keys.column(i)->null_count() > 0) {
      return Error(ErrorCode::kInvalidTable, "Key column '{}' is never null, but a key to look up has no value there.",
                   field.name());
    }
  }
  return arrow::Status::OK();
}

arrow::Result<std::vector<RoutedKeys>> KeyRouter::Route(const arrow::RecordBatch& keys) const {
  ARROW_RETURN_NOT_OK(CheckKeys(keys));
  const bool same_bytes = bucket_ == key_ && bucket_format_ == key_format_;
  std::map<std::tuple<std::vector<std::string>, BucketId, BucketId>, RoutedKeys> places;
  std::vector<format::Datum> values(columns_.size());
  for (int64_t row = 0; row < keys.num_rows(); ++row) {
    for (size_t i = 0; i < values.size(); ++i) values[i] = format::DatumAt(*keys.column(static_cast<int>(i)), row);
    std::vector<std::string> partition;
    for (const size_t place : partition_) {
      ARROW_ASSIGN_OR_RAISE(partition.emplace_back(), format::PartitionText(values[place], types_[place]));
    }
    ARROW_ASSIGN_OR_RAISE(auto key, EncodePart(key_format_, values, types_, key_));
    BucketId bucket(0), other(0);
    if (bucket_count_ > 1) {
      std::vector<uint8_t> bucket_key;
      if (!same_bytes) {
        ARROW_ASSIGN_OR_RAISE(bucket_key, EncodePart(bucket_format_, values, types_, bucket_));
      }
      const ByteView hashed = same_bytes ? key : bucket_key;
      bucket = other = format::BucketOf(function_, hashed, bucket_count_);
      if (function_ == format::BucketFunction::kFluss) {
        other = format::RustBucketOf(hashed, bucket_count_);
      }
    }
    RoutedKeys& to = places[{partition, bucket, other}];
    to.keys.push_back(std::move(key));
    to.rows.push_back(row);
  }
  std::vector<RoutedKeys> routed;
  for (auto& [place, part] : places) {
    std::tie(part.partition, part.bucket, part.other_bucket) = place;
    routed.push_back(std::move(part));
  }
  return routed;
}

}  // namespace thalweg::client
