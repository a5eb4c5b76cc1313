#pragma once

#include <memory>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/schema/data_type.h"
#include "thalweg/schema/schema.h"
#include "thalweg/sql/duckdb_internal.h"

/// How columns of tables look in SQL. Buffers stay what they are wherever both sides agree.
///
///   BOOLEAN TINYINT SMALLINT INT BIGINT FLOAT DOUBLE DATE DECIMAL ARRAY MAP ROW: the same (ARRAY is a LIST, ROW a STRUCT)
///   CHAR, STRING: VARCHAR · BINARY, BYTES: BLOB · TIME: TIME · TIMESTAMP: TIMESTAMP_S, _MS, TIMESTAMP or _NS by its precision
///   TIMESTAMP_LTZ: TIMESTAMP WITH TIME ZONE, in microseconds
namespace thalweg::sql {

/// The Arrow type that DuckDB is to be told of: ToArrowType but for the time zone of TIMESTAMP_LTZ. Same buffers.
std::shared_ptr<arrow::DataType> ToSqlArrowType(const schema::DataType& type);
std::shared_ptr<arrow::Schema> ToSqlArrowSchema(const schema::Schema& schema);

/// What DuckDB makes of such columns: types, and how to convert them.
duckdb::ArrowTableSchema ToDuckSchema(duckdb::DBConfig& config, const arrow::Schema& schema);

}  // namespace thalweg::sql
