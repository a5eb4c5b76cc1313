#include <algorithm>
#include <string>

#include "thalweg/format/partition_text.h"
#include "thalweg/format/row_placer.h"
#include "thalweg/query/key_sets_internal.h"

namespace thalweg::query {
namespace {

// More buckets than this are not counted up one by one.
constexpr size_t kBucketKeysMax = 256;

}  // namespace

KeySets::KeySets(const Table& table, const format::Predicate* filter) : table_(table) {
  if (!filter) return;
  std::vector<const format::Predicate*> leaves;
  if (filter->kind == format::Predicate::Kind::kLeaf) leaves.push_back(filter);
  if (filter->kind == format::Predicate::Kind::kAnd) {
    for (const auto& child : filter->children) leaves.push_back(&child);
  }
  for (const auto* leaf : leaves) {
    const bool is_set = leaf->function == format::LeafFunction::kEqual || leaf->function == format::LeafFunction::kIn;
    const auto column = table.base()->schema().IndexOfId(leaf->column_id);
    if (leaf->kind != format::Predicate::Kind::kLeaf || !is_set || !column) continue;
    // A binlog's ids are its own. Floating-point numbers that are equal may be different keys (0.0 and -0.0).
    const auto kind = table.base()->schema().columns()[*column].type.kind;
    if (table.kind() == TableKind::kBinlog || kind == schema::TypeKind::kFloat || kind == schema::TypeKind::kDouble ||
        values_.contains(*column)) {
      continue;
    }
    auto& values = values_[*column];
    for (const auto& literal : leaf->literals) {
      if (!literal.is_null() && std::ranges::find(values, literal) == values.end()) values.push_back(literal);
    }
  }
}

std::optional<std::vector<std::vector<format::Datum>>> KeySets::Combinations(const std::vector<size_t>& columns,
                                                                             size_t count_max) const {
  if (columns.empty()) return std::nullopt;
  std::vector<std::vector<format::Datum>> combinations(1);
  for (const size_t column : columns) {
    const auto values = values_.find(column);
    if (values == values_.end() || values->second.size() * combinations.size() > count_max) return std::nullopt;
    std::vector<std::vector<format::Datum>> longer;
    for (const auto& combination : combinations) {
      for (const auto& value : values->second) {
        longer.push_back(combination);
        longer.back().push_back(value);
      }
    }
    combinations = std::move(longer);
  }
  return combinations;
}

bool KeySets::MayMatch(const catalog::Partition& partition) const {
  const auto& descriptor = *table_.base()->descriptor;
  const auto columns = descriptor.IndexesOf(descriptor.partition_keys);
  for (size_t i = 0; i < columns.size() && i < partition.values.size(); ++i) {
    const auto values = values_.find(columns[i]);
    if (values == values_.end()) continue;
    const auto is_it = [&](const format::Datum& value) {
      const auto text = format::PartitionText(value, descriptor.schema.columns()[columns[i]].type);
      return !text.ok() || *text == partition.values[i];
    };
    if (std::ranges::none_of(values->second, is_it)) return false;
  }
  return true;
}

arrow::Result<std::optional<std::vector<BucketId>>> KeySets::Buckets() const {
  std::optional<std::vector<BucketId>> buckets;
  const auto& descriptor = *table_.base()->descriptor;
  const auto keys = Combinations(descriptor.IndexesOf(descriptor.bucket_keys), kBucketKeysMax);
  if (!keys) return buckets;
  auto placer = format::RowPlacer::Make(descriptor, 0);
  if (!placer.ok()) return buckets;  // nobody here can tell
  buckets.emplace();
  for (const auto& key : *keys) {
    const auto bucket = placer->BucketOfKey(key);
    if (!bucket.ok()) continue;  // no key can be that
    if (std::ranges::find(*buckets, *bucket) == buckets->end()) buckets->push_back(*bucket);
  }
  return buckets;
}

}  // namespace thalweg::query
