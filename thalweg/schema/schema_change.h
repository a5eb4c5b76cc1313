#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "thalweg/schema/schema.h"
#include "thalweg/schema/table_descriptor.h"
#include "thalweg/schema/table_validation.h"

namespace thalweg::schema {

/// Numbers of the protocol.
inline constexpr int32_t kOptionSet = 0;
inline constexpr int32_t kOptionDelete = 1;
inline constexpr int32_t kPositionLast = 0;

struct OptionChange {
  std::string key{};
  /// Of kOptionSet.
  std::optional<std::string> value{};
  int32_t operation = kOptionSet;
};

struct AddedColumn {
  std::string name{};
  DataType type{};
  std::optional<std::string> comment{};
  int32_t position = kPositionLast;
  std::optional<AggFunction> agg_function{};
};

/// One ALTER TABLE request.
struct TableChange {
  std::vector<OptionChange> options{};
  std::vector<AddedColumn> added_columns{};
  /// The names that a request wants dropped, renamed or modified; none of that is possible.
  std::vector<std::string> dropped_columns{};
  std::vector<std::string> renamed_columns{};
  std::vector<std::string> modified_columns{};
};

/// The table after the change, whole or not at all. Its schema differs from `table.schema` exactly where a new schema
/// version is due. INVALID_ALTER_TABLE where options and columns change at once, where an option cannot be altered, or
/// where a column is not a nullable one at the end; else what CheckTable refuses.
arrow::Result<TableDescriptor> ChangeTable(const TableDescriptor& table, const TableChange& change,
                                           const TableRules& rules);

}  // namespace thalweg::schema
