#include "thalweg/query/row_filter.h"

#include <algorithm>
#include <set>
#include <utility>

#include "arrow/array/array_primitive.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/compute/api_vector.h"
#include "arrow/record_batch.h"
#include "thalweg/base/error.h"
#include "thalweg/query/filter_leaf_internal.h"

namespace thalweg::query {
namespace {

// So deep may a predicate nest: what walks it, does so on the stack.
constexpr int kDepthMax = 64;

arrow::Result<size_t> PositionOf(const format::Predicate& leaf, const schema::Schema& schema) {
  const auto found = schema.IndexOfId(leaf.column_id);
  if (found) return *found;
  return Error(ErrorCode::kInvalidScanRequest, "The filter names a column of id {}, which the table does not have.",
               leaf.column_id);
}

arrow::Status CollectColumns(const format::Predicate& predicate, const schema::Schema& schema, int depth,
                             std::set<int>* columns) {
  if (depth > kDepthMax) {
    return Error(ErrorCode::kInvalidScanRequest, "The filter nests more than {} deep: write it flatter.", kDepthMax);
  }
  if (predicate.kind == format::Predicate::Kind::kLeaf) {
    ARROW_ASSIGN_OR_RAISE(const size_t position, PositionOf(predicate, schema));
    columns->insert(static_cast<int>(position));
  }
  for (const auto& child : predicate.children) ARROW_RETURN_NOT_OK(CollectColumns(child, schema, depth + 1, columns));
  return arrow::Status::OK();
}

}  // namespace

struct RowFilter::Node {
  format::Predicate::Kind kind = format::Predicate::Kind::kLeaf;
  format::LeafFunction function = format::LeafFunction::kIsNotNull;
  int column = 0;  ///< of a leaf: position in the batches
  LeafTest test;   ///< of a leaf that is no null test
  std::vector<std::unique_ptr<Node>> children;

  static arrow::Result<std::unique_ptr<Node>> Make(const format::Predicate& predicate, const schema::Schema& schema,
                                                   const std::vector<int>& columns) {
    auto node = std::make_unique<Node>();
    node->kind = predicate.kind;
    node->function = predicate.function;
    for (const auto& child : predicate.children) {
      ARROW_ASSIGN_OR_RAISE(node->children.emplace_back(), Make(child, schema, columns));
    }
    if (predicate.kind != format::Predicate::Kind::kLeaf) return node;
    ARROW_ASSIGN_OR_RAISE(const size_t position, PositionOf(predicate, schema));
    const auto at = std::ranges::find(columns, static_cast<int>(position));
    if (at == columns.end()) {
      return Error(ErrorCode::kInvalidScanRequest, "The filter names column {}, which is not read.",
                   schema.columns()[position].name);
    }
    node->column = static_cast<int>(at - columns.begin());
    if (predicate.function == format::LeafFunction::kIsNull || predicate.function == format::LeafFunction::kIsNotNull) {
      return node;
    }
    ARROW_ASSIGN_OR_RAISE(node->test, MakeLeafTest(predicate, schema.columns()[position]));
    return node;
  }

  void MatchLeaf(const arrow::Array& array, uint8_t* mask) const {
    if (!test) {
      const bool wanted = function == format::LeafFunction::kIsNull;
      for (int64_t i = 0; i < array.length(); ++i) mask[i] = array.IsNull(i) == wanted ? 1 : 0;
      return;
    }
    test(array, mask);
    if (array.null_count() == 0) return;
    for (int64_t i = 0; i < array.length(); ++i) mask[i] &= array.IsValid(i) ? 1 : 0;
  }

  void Match(const arrow::RecordBatch& rows, std::vector<uint8_t>* mask) const {
    const auto count = static_cast<size_t>(rows.num_rows());
    if (kind == format::Predicate::Kind::kLeaf) {
      mask->resize(count);
      if (count > 0) MatchLeaf(*rows.column(column), mask->data());
      return;
    }
    const bool all = kind == format::Predicate::Kind::kAnd;
    mask->assign(count, all ? 1 : 0);
    std::vector<uint8_t> one;
    for (const auto& child : children) {
      child->Match(rows, &one);
      for (size_t i = 0; i < count; ++i) (*mask)[i] = all ? (*mask)[i] & one[i] : (*mask)[i] | one[i];
    }
  }
};

RowFilter::RowFilter(std::unique_ptr<Node> root) : root_(std::move(root)) {}
RowFilter::RowFilter(RowFilter&&) noexcept = default;
RowFilter& RowFilter::operator=(RowFilter&&) noexcept = default;
RowFilter::~RowFilter() = default;

arrow::Result<RowFilter> RowFilter::Make(const format::Predicate& predicate, const schema::Schema& schema,
                                         const std::vector<int>& columns) {
  ARROW_RETURN_NOT_OK(ColumnsOf(predicate, schema).status());
  ARROW_ASSIGN_OR_RAISE(auto root, Node::Make(predicate, schema, columns));
  return RowFilter(std::move(root));
}

arrow::Result<std::vector<int>> RowFilter::ColumnsOf(const format::Predicate& predicate, const schema::Schema& schema) {
  std::set<int> columns;
  ARROW_RETURN_NOT_OK(CollectColumns(predicate, schema, 1, &columns));
  return std::vector<int>(columns.begin(), columns.end());
}

void RowFilter::Match(const arrow::RecordBatch& rows, std::vector<uint8_t>* mask) const { root_->Match(rows, mask); }

arrow::Result<std::shared_ptr<arrow::RecordBatch>> RowFilter::Apply(
    const std::shared_ptr<arrow::RecordBatch>& rows) const {
  std::vector<uint8_t> mask;
  Match(*rows, &mask);
  const auto matches = std::ranges::count(mask, uint8_t{1});
  if (matches == rows->num_rows()) return rows;
  if (matches == 0) return nullptr;
  arrow::TypedBufferBuilder<int32_t> indexes;
  ARROW_RETURN_NOT_OK(indexes.Reserve(matches));
  for (size_t i = 0; i < mask.size(); ++i) {
    if (mask[i] != 0) indexes.UnsafeAppend(static_cast<int32_t>(i));
  }
  ARROW_ASSIGN_OR_RAISE(auto buffer, indexes.Finish());
  const arrow::Int32Array taken(matches, buffer);
  arrow::ArrayVector columns;
  for (const auto& column : rows->columns()) {
    ARROW_ASSIGN_OR_RAISE(columns.emplace_back(),
                          arrow::compute::Take(*column, taken, arrow::compute::TakeOptions::NoBoundsCheck()));
  }
  return arrow::RecordBatch::Make(rows->schema(), matches, std::move(columns));
}

}  // namespace thalweg::query
