#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "thalweg/format/predicate.h"
#include "thalweg/sql/arrow_types_internal.h"
#include "thalweg/sql/duckdb_internal.h"
#include "thalweg/sql/row_source_internal.h"

namespace thalweg::sql {

/// What is known of one scan when it is planned.
struct ScanPlan final : public duckdb::TableFunctionData {
  RowSourcePtr source;
  duckdb::ArrowTableSchema types;  ///< of all columns
  std::vector<format::Predicate> filters;
  std::vector<std::string> filter_texts;  ///< the same in SQL
  std::optional<int64_t> limit;

  ScanPlan(RowSourcePtr source, duckdb::DBConfig& config);
  duckdb::unique_ptr<duckdb::FunctionData> Copy() const override;
  bool Equals(const duckdb::FunctionData& other) const override;
  /// All filters in one.
  std::optional<format::Predicate> filter() const;
};

/// Whether it is MakeScanFunction's, which goes by another name where it looks keys up.
bool IsScanFunction(const duckdb::TableFunction& function);

/// The columns of a primary key under numbers of their own, so that UPDATE and DELETE can ask for them: the i-th is this plus i.
duckdb::column_t KeyColumnStart();

/// The scan of any RowSource. Projections and, where the source can, filters are done by it.
duckdb::TableFunction MakeScanFunction();

/// Makes LIMITs known to the scans right below them.
duckdb::OptimizerExtension MakeLimitPushdown();

}  // namespace thalweg::sql
