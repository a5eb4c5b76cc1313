#include <algorithm>
#include <map>
#include <ranges>
#include <set>
#include <utility>

#include "arrow/array/array_base.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "fmt/ranges.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/format/arrow_datum.h"
#include "thalweg/format/key_codec.h"
#include "thalweg/format/key_encoder.h"
#include "thalweg/format/row_placer.h"
#include "thalweg/query/align_rows_internal.h"
#include "thalweg/query/key_batch_internal.h"
#include "thalweg/schema/partition_spec.h"

namespace thalweg::query {
namespace {

/// The columns that the keys have, in the order in which they are encoded: a beginning of the physical primary key.
arrow::Result<std::vector<size_t>> EncodedColumns(const Table& table, const format::KeyCodec& codec,
                                                  const std::vector<size_t>& given, bool prefixes) {
  const auto& descriptor = *table.base()->descriptor;
  const std::set<size_t> has(given.begin(), given.end());
  std::set<size_t> wanted;
  for (const size_t column : descriptor.IndexesOf(descriptor.partition_keys)) wanted.insert(column);
  std::vector<size_t> encoded;
  for (const size_t column : codec.columns()) {
    if (prefixes && !has.contains(column)) break;
    encoded.push_back(column);
    wanted.insert(column);
  }
  if (prefixes) {
    for (const size_t column : descriptor.IndexesOf(descriptor.bucket_keys)) wanted.insert(column);
  }
  const bool is_beginning = std::ranges::all_of(descriptor.IndexesOf(descriptor.bucket_keys), [&](size_t column) {
    return std::ranges::find(encoded, column) != encoded.end();
  });
  if (has == wanted && !encoded.empty() && is_beginning) return encoded;
  if (!prefixes) {
    return Error(ErrorCode::kInvalidTable, "A key of {} has these columns, and all of them: {}.", table.path(),
                 fmt::join(table.base()->schema().primary_key(), ", "));
  }
  std::vector<std::string> needed = descriptor.partition_keys;
  needed.insert(needed.end(), descriptor.bucket_keys.begin(), descriptor.bucket_keys.end());
  return Error(
      ErrorCode::kInvalidTable,
      "What keys of {} begin with is asked for by {}, and may go on with what follows in its primary key ({}).",
      table.path(), fmt::join(needed, ", "), fmt::join(table.base()->schema().primary_key(), ", "));
}

}  // namespace

arrow::Result<std::vector<KeysOfBucket>> EncodeKeys(const Session& session, const LookupRequest& request,
                                                    bool prefixes) {
  const Table& table = *request.table;
  const auto& base = table.base();
  if (table.kind() != TableKind::kPrimaryKey) {
    return Error(ErrorCode::kNonPrimaryKeyTable, "{} has no rows by key: scan it.", table.path());
  }
  ARROW_ASSIGN_OR_RAISE(const auto* config, base->layout->Config());
  ARROW_ASSIGN_OR_RAISE(const auto codec, format::KeyCodec::ForPrimaryKey(*base->descriptor, *config));
  ARROW_ASSIGN_OR_RAISE(const auto aligned, AlignRows(*request.keys, base->schema(), table.path()));
  ARROW_ASSIGN_OR_RAISE(const auto encoded, EncodedColumns(table, codec, aligned.given, prefixes));
  ARROW_RETURN_NOT_OK(CheckNoNulls(*aligned.rows, aligned.given, base->schema(), table.path()));
  if (prefixes && encoded.size() < codec.columns().size() && codec.format() != format::KeyFormat::kCompacted) {
    return Error(ErrorCode::kInvalidTable, "Keys of {} are encoded in a way that has no prefixes: ask for whole keys.",
                 table.path());
  }
  ARROW_ASSIGN_OR_RAISE(auto placer, format::RowPlacer::Make(*base->descriptor, 0));
  ARROW_ASSIGN_OR_RAISE(const auto placed, placer.Place(*aligned.rows));
  std::vector<schema::DataType> types;
  types.reserve(encoded.size());
  for (const size_t column : encoded) types.push_back(base->schema().columns()[column].type);
  const auto now = session.environment().catalog.view()->FindTable(table.id());
  if (!now) return Error(ErrorCode::kUnknownTableOrBucket, "{} was dropped.", table.path());
  std::vector<KeysOfBucket> keys;
  for (const auto& place : placed) {
    KeysOfBucket of_bucket{.bucket = {table.id(), kNoPartition, place.bucket}, .index = place.rows};
    if (!place.partition.empty()) {
      const auto* partition = now->partitions.Find(schema::PartitionName(place.partition));
      if (!partition) continue;
      of_bucket.bucket.partition = (*partition)->id;
    }
    for (const int64_t row : place.rows) {
      std::vector<format::Datum> values;
      values.reserve(encoded.size());
      for (const size_t column : encoded) {
        values.push_back(format::DatumAt(*aligned.rows->column(static_cast<int>(column)), row));
      }
      ARROW_ASSIGN_OR_RAISE(of_bucket.bytes.emplace_back(), format::EncodeKey(codec.format(), values, types));
    }
    keys.push_back(std::move(of_bucket));
  }
  return keys;
}

}  // namespace thalweg::query
