#include "thalweg/client/row_router.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "arrow/array/array_base.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/compute/api_vector.h"
#include "arrow/record_batch.h"
#include "thalweg/base/error.h"
#include "thalweg/client/partition_text.h"
#include "thalweg/format/arrow_datum.h"
#include "thalweg/runtime/random.h"
#include "thalweg/schema/table_config.h"

namespace thalweg::client {
namespace {

/// How clients of tables that go to a lake choose buckets: as the lake itself does.
std::pair<format::KeyFormat, format::BucketFunction> BucketingOf(std::optional<schema::LakeFormat> lake) {
  if (lake == schema::LakeFormat::kPaimon) return {format::KeyFormat::kPaimon, format::BucketFunction::kPaimon};
  if (lake == schema::LakeFormat::kIceberg) return {format::KeyFormat::kIceberg, format::BucketFunction::kIceberg};
  return {format::KeyFormat::kCompacted, format::BucketFunction::kFluss};
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> Pick(const arrow::RecordBatch& rows,
                                                        const std::vector<int64_t>& indexes) {
  arrow::Int64Builder builder;
  ARROW_RETURN_NOT_OK(builder.AppendValues(indexes));
  ARROW_ASSIGN_OR_RAISE(const auto taken, builder.Finish());
  arrow::ArrayVector columns;
  for (const auto& column : rows.columns()) {
    ARROW_ASSIGN_OR_RAISE(columns.emplace_back(),
                          arrow::compute::Take(*column, *taken, arrow::compute::TakeOptions::NoBoundsCheck()));
  }
  return arrow::RecordBatch::Make(rows.schema(), static_cast<int64_t>(indexes.size()), std::move(columns));
}

}  // namespace

arrow::Result<std::unique_ptr<RowRouter>> RowRouter::Make(Connection& connection, TableInfo table) {
  std::unique_ptr<RowRouter> router(new RowRouter(connection, std::move(table)));
  const auto& descriptor = router->table_.descriptor;
  ARROW_ASSIGN_OR_RAISE(const auto config, schema::TableConfig::Make(descriptor.properties));
  if (config.lake_format == schema::LakeFormat::kHudi && !descriptor.bucket_keys.empty()) {
    return Error(ErrorCode::kUnsupportedVersion, "{} chooses buckets as Hudi does, which this client cannot.",
                 router->table_.path);
  }
  std::tie(router->key_format_, router->function_) = BucketingOf(config.lake_format);
  router->bucket_count_ = std::max(descriptor.bucket_count.value_or(1), 1);
  // Not always the same one: many short runs should fill all buckets.
  router->next_bucket_ =
      static_cast<int32_t>(runtime::SystemRandom().Next() % static_cast<uint64_t>(router->bucket_count_));
  router->partition_columns_ = descriptor.IndexesOf(descriptor.partition_keys);
  router->key_columns_ = descriptor.IndexesOf(descriptor.bucket_keys);
  for (const size_t column : router->key_columns_) {
    router->key_types_.push_back(descriptor.schema.columns()[column].type);
  }
  if (descriptor.IsPartitioned()) {
    ARROW_ASSIGN_OR_RAISE(const auto partitions, ListPartitions(connection, router->table_));
    for (const auto& partition : partitions) router->partitions_[partition.values] = partition.id;
  }
  return router;
}

arrow::Result<PartitionId> RowRouter::PartitionOf(const arrow::RecordBatch& rows, int64_t row) {
  const auto& columns = table_.descriptor.schema.columns();
  std::vector<std::string> values;
  for (const size_t column : partition_columns_) {
    auto text = PartitionText(format::DatumAt(*rows.column(static_cast<int>(column)), row), columns[column].type);
    if (!text.ok()) {
      return Error(CodeOf(text.status()), "column {}: {}", columns[column].name, text.status().message());
    }
    values.push_back(std::move(*text));
  }
  const auto known = partitions_.find(values);
  if (known != partitions_.end()) return known->second;
  ARROW_RETURN_NOT_OK(CreatePartition(connection_, table_, values));
  ARROW_ASSIGN_OR_RAISE(const auto partitions, ListPartitions(connection_, table_));
  for (const auto& partition : partitions) partitions_[partition.values] = partition.id;
  const auto created = partitions_.find(values);
  if (created != partitions_.end()) return created->second;
  return Error(ErrorCode::kPartitionNotExists, "{} has no partition {}, although it was just created.", table_.path,
               schema::PartitionName(values));
}

arrow::Result<BucketId> RowRouter::BucketOfRow(const arrow::RecordBatch& rows, int64_t row) const {
  std::vector<format::Datum> key;
  key.reserve(key_columns_.size());
  for (const size_t column : key_columns_) key.push_back(format::DatumAt(*rows.column(static_cast<int>(column)), row));
  ARROW_ASSIGN_OR_RAISE(const auto bytes, format::EncodeKey(key_format_, key, key_types_));
  return format::BucketOf(function_, bytes, bucket_count_);
}

arrow::Result<std::vector<RoutedRows>> RowRouter::Route(const std::shared_ptr<arrow::RecordBatch>& rows) {
  const bool keyed = !key_columns_.empty() && bucket_count_ > 1;
  const BucketId turn(keyed ? 0 : next_bucket_);
  if (!keyed) next_bucket_ = (next_bucket_ + 1) % bucket_count_;
  if (!keyed && partition_columns_.empty()) return std::vector<RoutedRows>{{kNoPartition, turn, rows}};
  std::map<std::pair<PartitionId, BucketId>, std::vector<int64_t>> places;
  for (int64_t row = 0; row < rows->num_rows(); ++row) {
    PartitionId partition = kNoPartition;
    BucketId bucket = turn;
    if (!partition_columns_.empty()) {
      ARROW_ASSIGN_OR_RAISE(partition, PartitionOf(*rows, row));
    }
    if (keyed) {
      ARROW_ASSIGN_OR_RAISE(bucket, BucketOfRow(*rows, row));
    }
    places[{partition, bucket}].push_back(row);
  }
  std::vector<RoutedRows> routed;
  for (const auto& [place, indexes] : places) {
    if (indexes.size() == static_cast<size_t>(rows->num_rows())) {
      routed.push_back({place.first, place.second, rows});
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(auto picked, Pick(*rows, indexes));
    routed.push_back({place.first, place.second, std::move(picked)});
  }
  return routed;
}

}  // namespace thalweg::client
