#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "arrow/result.h"

/// Statements that are another one in DuckDB's words.
namespace thalweg::sql {

/// The database of `USE name` (also `USE cluster.name`); absent for any other statement.
arrow::Result<std::optional<std::string>> DatabaseOfUse(std::string_view statement);

/// The value of `SET [SESSION] TimeZone = 'value'`; absent for any other statement.
arrow::Result<std::optional<std::string>> TimeZoneOfSet(std::string_view statement);

/// The token of `SET [SESSION] thalweg_at_least = 'token'`; absent for any other statement.
arrow::Result<std::optional<std::string>> AtLeastOfSet(std::string_view statement);

/// What DuckDB is to run for `statement`: `t FOR SYSTEM_TIME AS OF x` is `t AT (TIMESTAMP => x)`; SHOW DATABASES and SHOW PARTITIONS
/// [database.]table read system tables. All else is the same.
arrow::Result<std::string> ForDuckDb(std::string_view statement, const std::string& current_database);

}  // namespace thalweg::sql
