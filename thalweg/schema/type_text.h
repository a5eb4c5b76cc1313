#pragma once

#include <string_view>

#include "arrow/result.h"
#include "thalweg/schema/data_type.h"
#include "thalweg/schema/schema.h"

namespace thalweg::schema {

/// A type as people write it and DataType::ToString prints it: "BIGINT NOT NULL", "decimal(10, 2)",
/// "MAP<STRING, ARRAY<INT>>", "ROW<a INT, b STRING>". Words in any case; SQL's usual synonyms are known (INTEGER, VARCHAR,
/// VARBINARY, TEXT). INVALID_TABLE, saying where the text stops making sense.
arrow::Result<DataType> DataTypeFromText(std::string_view text);

/// The columns of a table as in SQL's CREATE TABLE, between its parentheses: "id BIGINT NOT NULL COMMENT 'key', name
/// STRING, PRIMARY KEY (id)". Names with other characters stand in backquotes.
arrow::Result<Schema> SchemaFromText(std::string_view text);

}  // namespace thalweg::schema
