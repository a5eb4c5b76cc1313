#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/ids.h"
#include "thalweg/format/predicate.h"
#include "thalweg/query/table.h"

namespace thalweg::query {

/// What a filter says that certain columns of a base table must equal.
class KeySets {
 public:
  /// `filter`: null where there is none.
  KeySets(const Table& table, const format::Predicate* filter);

  /// All combinations of values that these columns may have, in the order of `columns`; nothing where the filter leaves one of the
  /// columns open, or they are more than `count_max`.
  std::optional<std::vector<std::vector<format::Datum>>> Combinations(const std::vector<size_t>& columns,
                                                                      size_t count_max) const;
  /// Whether rows of the partition may match.
  bool MayMatch(const catalog::Partition& partition) const;
  /// The buckets in which rows may match; nothing: all.
  arrow::Result<std::optional<std::vector<BucketId>>> Buckets() const;

 private:
  const Table& table_;
  std::map<size_t, std::vector<format::Datum>> values_;  ///< by position in the base table
};

}  // namespace thalweg::query
