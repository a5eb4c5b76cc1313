#pragma once

#include <cstdint>
#include <vector>

#include "thalweg/format/predicate.h"
#include "thalweg/format/statistics.h"
#include "thalweg/schema/data_type.h"
#include "thalweg/schema/schema.h"

namespace thalweg::format {

/// A predicate made ready for the batches of one schema version. It only ever tells that no row of a batch can match;
/// whatever is unknown counts as a match: columns without statistics, or unknown to the batch's schema or of another type
/// in it, literals of another type, statistics that do not decode, NaN.
/// Thread safety: immutable once made.
class BatchFilter {
 public:
  /// `filter_schema`: the one whose column ids the predicate names. `batch_schema`: the one that the batches were written
  /// with. Columns are the same where their ids are.
  BatchFilter(const Predicate& predicate, const schema::Schema& filter_schema, const schema::Schema& batch_schema);

  /// Whether some of the `record_count` rows that `statistics` describes may match.
  bool MayMatch(const StatisticsView& statistics, int32_t record_count) const;

 private:
  struct Node {
    Predicate::Kind kind = Predicate::Kind::kLeaf;
    LeafFunction function = LeafFunction::kIsNotNull;
    int position = -1;  ///< in the batch's schema; −1 where the leaf cannot be judged
    schema::DataType type;
    std::vector<Datum> literals;
    std::vector<Node> children;
  };

  static Node Resolve(const Predicate& predicate, const schema::Schema& filter_schema,
                      const schema::Schema& batch_schema);
  static bool NodeMayMatch(const Node& node, const StatisticsView& statistics, int32_t record_count);
  static bool LeafMayMatch(const Node& leaf, const StatisticsView& statistics, int32_t record_count);

  Node root_;
};

}  // namespace thalweg::format
