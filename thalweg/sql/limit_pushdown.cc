#include <algorithm>

#include "duckdb/optimizer/optimizer_extension.hpp"
#include "duckdb/planner/bound_result_modifier.hpp"
#include "duckdb/planner/operator/logical_get.hpp"
#include "duckdb/planner/operator/logical_limit.hpp"
#include "thalweg/sql/table_function_internal.h"

namespace thalweg::sql {
namespace {

using duckdb::LogicalOperator;
using duckdb::LogicalOperatorType;

/// The scan of ours right below, with only projections between.
ScanPlan* ScanBelow(LogicalOperator& op) {
  LogicalOperator* at = &op;
  while (at->type == LogicalOperatorType::LOGICAL_PROJECTION && at->children.size() == 1) at = at->children[0].get();
  if (at->type != LogicalOperatorType::LOGICAL_GET) return nullptr;
  auto& get = at->Cast<duckdb::LogicalGet>();
  if (!IsScanFunction(get.function) || !get.table_filters.filters.empty()) return nullptr;
  auto& plan = get.bind_data->Cast<ScanPlan>();
  return plan.source->filters() ? &plan : nullptr;
}

void PushLimits(LogicalOperator& op) {
  if (op.type == LogicalOperatorType::LOGICAL_LIMIT) {
    const auto& limit = op.Cast<duckdb::LogicalLimit>();
    const bool skips = limit.offset_val.Type() == duckdb::LimitNodeType::CONSTANT_VALUE;
    if (limit.limit_val.Type() == duckdb::LimitNodeType::CONSTANT_VALUE &&
        (skips || limit.offset_val.Type() == duckdb::LimitNodeType::UNSET)) {
      const auto rows = limit.limit_val.GetConstantValue() + (skips ? limit.offset_val.GetConstantValue() : 0);
      ScanPlan* plan = ScanBelow(*op.children[0]);
      if (plan != nullptr && rows <= INT64_MAX) plan->limit = static_cast<int64_t>(rows);
    }
  }
  for (auto& child : op.children) PushLimits(*child);
}

}  // namespace

duckdb::OptimizerExtension MakeLimitPushdown() {
  duckdb::OptimizerExtension extension;
  extension.optimize_function = [](duckdb::OptimizerExtensionInput&, duckdb::unique_ptr<LogicalOperator>& plan) {
    PushLimits(*plan);
  };
  return extension;
}

}  // namespace thalweg::sql
