#pragma once

#include <memory>
#include <string>
#include <vector>

#include "arrow/record_batch.h"
#include "arrow/result.h"
#include "thalweg/sql/session_core_internal.h"

namespace thalweg::sql {

/// The Arrow schema of columns of DuckDB. Inside of Run.
std::shared_ptr<arrow::Schema> SchemaOf(duckdb::ClientContext& context,
                                        const duckdb::vector<duckdb::LogicalType>& types,
                                        const duckdb::vector<duckdb::string>& names);

/// The rows of a query that runs, as they come. Inside of Run.
arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> MakeRowStream(std::shared_ptr<SessionCore> core,
                                                                       duckdb::unique_ptr<duckdb::QueryResult> result);

/// The values of one row, for the parameters of a statement; `row` of `rows`, whose columns are of any type. Inside of Run.
duckdb::vector<duckdb::vector<duckdb::Value>> ValuesOf(duckdb::ClientContext& context, const arrow::RecordBatch& rows);

}  // namespace thalweg::sql
