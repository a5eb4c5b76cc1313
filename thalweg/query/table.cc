#include "thalweg/query/table.h"

#include <algorithm>
#include <utility>

#include "arrow/type.h"
#include "thalweg/base/error.h"
#include "thalweg/base/nearest_name.h"
#include "thalweg/schema/arrow_mapping.h"

namespace thalweg::query {
namespace {

using schema::Column;
using schema::TypeKind;

constexpr int32_t kCommitTimestampPrecision = 3;

/// The columns in front of both virtual tables; without ids.
std::vector<Column> ChangeColumns() {
  return {{.name = std::string(kChangeTypeColumn), .type = schema::MakeType(TypeKind::kString, false)},
          {.name = std::string(kLogOffsetColumn), .type = schema::MakeType(TypeKind::kBigInt, false)},
          {.name = std::string(kCommitTimestampColumn),
           .type = schema::NotNull(schema::MakeTime(TypeKind::kTimestampLtz, kCommitTimestampPrecision))}};
}

/// So that ids are given anew.
schema::DataType WithoutIds(schema::DataType type) {
  for (auto& child : type.children) {
    child.id = schema::kNoFieldId;
    child.type = WithoutIds(std::move(child.type));
  }
  return type;
}

arrow::Result<schema::Schema> ChangelogSchema(const schema::Schema& base) {
  schema::Schema::Parts parts{.columns = ChangeColumns()};
  int32_t id = base.highest_field_id();
  for (auto& column : parts.columns) column.id = ++id;
  parts.columns.insert(parts.columns.end(), base.columns().begin(), base.columns().end());
  parts.highest_field_id = id;
  return schema::Schema::Make(std::move(parts));
}

arrow::Result<schema::Schema> BinlogSchema(const schema::Schema& base) {
  schema::Schema::Parts parts{.columns = ChangeColumns()};
  std::vector<schema::DataField> fields;
  for (const auto& column : base.columns()) fields.push_back({.name = column.name, .type = WithoutIds(column.type)});
  const schema::DataType row = schema::MakeRow(std::move(fields));
  parts.columns.push_back({.name = std::string(kBeforeColumn), .type = row});
  parts.columns.push_back({.name = std::string(kAfterColumn), .type = row});
  return schema::Schema::Make(std::move(parts));
}

}  // namespace

arrow::Result<std::shared_ptr<const Table>> Table::Make(catalog::TablePtr base, TableKind kind) {
  const bool keyed = base->descriptor->HasPrimaryKey();
  std::shared_ptr<Table> table(new Table());
  table->kind_ = kind;
  table->path_ = base->path;
  switch (kind) {
    case TableKind::kLog:
    case TableKind::kPrimaryKey:
      if (keyed != (kind == TableKind::kPrimaryKey)) {
        return Error(ErrorCode::kInvalidTable, "{} has {} primary key.", base->path, keyed ? "a" : "no");
      }
      table->schema_ = base->schema();
      break;
    case TableKind::kChangelog: {
      table->path_.table += kChangelogSuffix;
      ARROW_ASSIGN_OR_RAISE(table->schema_, ChangelogSchema(base->schema()));
      break;
    }
    case TableKind::kBinlog: {
      if (!keyed) {
        return Error(ErrorCode::kInvalidTable,
                     "{} has no primary key, so nothing in it changes: read it, or {}{}, instead of its binlog.",
                     base->path, base->path, kChangelogSuffix);
      }
      table->path_.table += kBinlogSuffix;
      ARROW_ASSIGN_OR_RAISE(table->schema_, BinlogSchema(base->schema()));
      break;
    }
  }
  table->arrow_schema_ = schema::ToArrowSchema(table->schema_);
  table->base_ = std::move(base);
  return table;
}

arrow::Result<int> Table::FindColumn(std::string_view name) const {
  if (const auto found = schema_.IndexOf(name)) return static_cast<int>(*found);
  std::vector<std::string> names;
  for (const auto& column : schema_.columns()) names.push_back(column.name);
  const std::string_view nearest = NearestName(name, names);
  return Error(ErrorCode::kInvalidColumnProjection, "{} has no column {}.{}", path_, name,
               nearest.empty() ? std::string() : fmt::format(" Did you mean {}?", nearest));
}

std::vector<catalog::PartitionPtr> Table::partitions() const {
  std::vector<catalog::PartitionPtr> partitions;
  base_->partitions.ForEach(
      [&](const std::string&, const catalog::PartitionPtr& partition) { partitions.push_back(partition); });
  std::ranges::sort(partitions, {}, [](const auto& partition) -> const std::string& { return partition->name; });
  return partitions;
}

std::vector<TableBucket> Table::buckets() const {
  std::vector<TableBucket> buckets;
  const auto add = [&](PartitionId partition) {
    for (int32_t i = 0; i < bucket_count(); ++i) buckets.push_back({id(), partition, BucketId(i)});
  };
  if (!base_->IsPartitioned()) add(kNoPartition);
  for (const auto& partition : partitions()) add(partition->id);
  return buckets;
}

}  // namespace thalweg::query
