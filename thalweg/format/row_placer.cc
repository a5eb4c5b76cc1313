#include "thalweg/format/row_placer.h"

#include <algorithm>
#include <map>
#include <utility>

#include "arrow/array/array_base.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/compute/api_vector.h"
#include "arrow/record_batch.h"
#include "thalweg/base/error.h"
#include "thalweg/format/arrow_datum.h"
#include "thalweg/format/key_codec.h"
#include "thalweg/format/partition_text.h"
#include "thalweg/schema/table_config.h"

namespace thalweg::format {

arrow::Result<RowPlacer> RowPlacer::Make(const schema::TableDescriptor& table, uint64_t first_bucket) {
  RowPlacer placer;
  ARROW_ASSIGN_OR_RAISE(const auto config, schema::TableConfig::Make(table.properties));
  if (!table.bucket_keys.empty()) {
    ARROW_ASSIGN_OR_RAISE(placer.key_format_, BucketKeyFormat(config.lake_format));
    ARROW_ASSIGN_OR_RAISE(placer.function_, BucketFunctionOf(config.lake_format));
  }
  placer.schema_ = table.schema;
  placer.bucket_count_ = std::max(table.bucket_count.value_or(1), 1);
  placer.next_bucket_ = static_cast<int32_t>(first_bucket % static_cast<uint64_t>(placer.bucket_count_));
  placer.partition_columns_ = table.IndexesOf(table.partition_keys);
  placer.bucket_columns_ = table.IndexesOf(table.bucket_keys);
  for (const size_t column : placer.bucket_columns_) {
    placer.bucket_types_.push_back(table.schema.columns()[column].type);
  }
  return placer;
}

arrow::Result<std::vector<std::string>> RowPlacer::PartitionOf(const arrow::RecordBatch& rows, int64_t row) const {
  std::vector<std::string> values;
  for (const size_t column : partition_columns_) {
    const auto& described = schema_.columns()[column];
    auto text = PartitionText(DatumAt(*rows.column(static_cast<int>(column)), row), described.type);
    if (!text.ok()) {
      return Error(CodeOf(text.status()), "column {}: {}", described.name, text.status().message());
    }
    values.push_back(std::move(*text));
  }
  return values;
}

arrow::Result<BucketId> RowPlacer::BucketOfKey(std::span<const Datum> key) const {
  ARROW_ASSIGN_OR_RAISE(const auto bytes, EncodeKey(key_format_, key, bucket_types_));
  return BucketOf(function_, bytes, bucket_count_);
}

arrow::Result<std::vector<PlacedRows>> RowPlacer::Place(const arrow::RecordBatch& rows) {
  const bool keyed = !bucket_columns_.empty() && bucket_count_ > 1;
  const BucketId turn(keyed ? 0 : next_bucket_);
  if (!keyed) next_bucket_ = (next_bucket_ + 1) % bucket_count_;
  // Rows of few partitions and buckets come in any order: each is looked for among those of the row before first.
  std::map<std::pair<std::vector<std::string>, BucketId>, std::vector<int64_t>> places;
  auto last = places.end();
  std::vector<Datum> key;
  key.reserve(bucket_columns_.size());
  for (int64_t row = 0; row < rows.num_rows(); ++row) {
    std::pair<std::vector<std::string>, BucketId> place{{}, turn};
    if (keyed) {
      key.clear();
      for (const size_t column : bucket_columns_) {
        key.push_back(DatumAt(*rows.column(static_cast<int>(column)), row));
      }
      ARROW_ASSIGN_OR_RAISE(place.second, BucketOfKey(key));
    }
    if (!partition_columns_.empty()) {
      ARROW_ASSIGN_OR_RAISE(place.first, PartitionOf(rows, row));
    }
    if (last == places.end() || last->first != place) last = places.try_emplace(std::move(place)).first;
    last->second.push_back(row);
  }
  std::vector<PlacedRows> placed;
  placed.reserve(places.size());
  for (auto& [place, indexes] : places) placed.push_back({place.first, place.second, std::move(indexes)});
  return placed;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> PickRows(const std::shared_ptr<arrow::RecordBatch>& rows,
                                                            const std::vector<int64_t>& indexes) {
  if (indexes.size() == static_cast<size_t>(rows->num_rows())) return rows;
  arrow::Int64Builder builder;
  ARROW_RETURN_NOT_OK(builder.AppendValues(indexes));
  ARROW_ASSIGN_OR_RAISE(const auto taken, builder.Finish());
  arrow::ArrayVector columns;
  for (const auto& column : rows->columns()) {
    ARROW_ASSIGN_OR_RAISE(columns.emplace_back(),
                          arrow::compute::Take(*column, *taken, arrow::compute::TakeOptions::NoBoundsCheck()));
  }
  return arrow::RecordBatch::Make(rows->schema(), static_cast<int64_t>(indexes.size()), std::move(columns));
}

}  // namespace thalweg::format
