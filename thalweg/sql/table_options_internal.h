#pragma once

#include <map>
#include <string>
#include <vector>

#include "arrow/status.h"
#include "thalweg/sql/definition.h"

/// The options of WITH: those of the table (docs/table_options.md), and those that Fluss's SQL has for what is no option of a table:
///
///   bucket.num                          the number of buckets
///   bucket.key                          columns, with commas, whose hash chooses the bucket
///   auto-increment.fields               the column that the server numbers
///   fields.COLUMN.agg                   how a column of an AGGREGATION table combines values,
///   fields.COLUMN.FUNCTION.PARAMETER    and with what
///   client.* scan.* lookup.* sink.*     kept with the table for Flink, which understands them
///   custom.*                            kept with the table, the user's own
///
/// Any other is INVALID_CONFIG.
namespace thalweg::sql {

/// Puts options of CREATE TABLE where they belong.
arrow::Status ApplyTableOptions(const std::map<std::string, std::string>& options, CreateTable* create);

/// Of ALTER TABLE … SET and RESET: whether each names an option that a table can keep. Which of them can be changed the catalog knows.
arrow::Status CheckTableOptionChanges(const std::vector<schema::OptionChange>& changes);

}  // namespace thalweg::sql
