#include "thalweg/schema/schema_change.h"

#include <limits>
#include <utility>

#include "thalweg/base/error.h"
#include "thalweg/schema/agg_function.h"
#include "thalweg/schema/table_config.h"
#include "thalweg/schema/table_options.h"

namespace thalweg::schema {
namespace {

arrow::Status CheckAlterable(const TableDescriptor& table, const std::string& key) {
  const TableOption* option = FindTableOption(key);
  if (option == nullptr) {
    return Error(ErrorCode::kInvalidAlterTable, "'{}' is not a table option of this server: check its spelling.", key);
  }
  if (!option->alterable) {
    return Error(ErrorCode::kInvalidAlterTable, "The table option '{}' cannot be altered: create a new table.", key);
  }
  if (key == kLakeEnabled && !table.properties.contains(std::string(kLakeFormat))) {
    return Error(ErrorCode::kInvalidAlterTable,
                 "'{}' cannot be altered: the table has no '{}', since it was made while the cluster had none.", key,
                 kLakeFormat);
  }
  if (key == kKvStandbyReplica && !table.HasPrimaryKey()) {
    return Error(ErrorCode::kInvalidAlterTable, "'{}' needs a table with a primary key.", key);
  }
  return arrow::Status::OK();
}

arrow::Status ChangeOption(const OptionChange& change, TableDescriptor* table) {
  const bool of_table = IsTableKey(change.key);
  if (of_table) ARROW_RETURN_NOT_OK(CheckAlterable(*table, change.key));
  auto& properties = of_table ? table->properties : table->custom_properties;
  if (change.operation == kOptionDelete) {
    properties.erase(change.key);
  } else if (change.operation != kOptionSet) {
    return Error(ErrorCode::kInvalidAlterTable, "The option '{}' can be set or deleted, not changed by operation {}.",
                 change.key, change.operation);
  } else if (!change.value) {
    return Error(ErrorCode::kInvalidAlterTable, "The option '{}' is to be set, but has no value.", change.key);
  } else {
    if (change.key == kLakeEnabled && ParseBoolean(*change.value).ValueOr(false)) {
      return Error(ErrorCode::kInvalidAlterTable, "'{}' cannot be set to true: this server cannot write to a lake.",
                   change.key);
    }
    properties[change.key] = *change.value;
  }
  return arrow::Status::OK();
}

arrow::Result<Schema> AddColumn(const Schema& schema, const AddedColumn& added) {
  if (schema.IndexOf(added.name)) {
    return Error(ErrorCode::kInvalidAlterTable, "The table has a column '{}' already.", added.name);
  }
  if (added.position != kPositionLast) {
    return Error(ErrorCode::kInvalidAlterTable, "The column '{}' can only be added at the end.", added.name);
  }
  if (!added.type.nullable) {
    return Error(ErrorCode::kInvalidAlterTable, "The column '{}' must be nullable: rows without it exist.", added.name);
  }
  Column column{.name = added.name, .type = added.type, .comment = added.comment, .agg_function = added.agg_function};
  if (column.agg_function) column.agg_function->type = NormalAggName(column.agg_function->type);
  return schema.WithColumn(std::move(column));
}

arrow::Status RefuseColumnChanges(const TableChange& change) {
  const auto refuse = [](const std::vector<std::string>& names, std::string_view verb) {
    return names.empty() ? arrow::Status::OK()
                         : Error(ErrorCode::kInvalidAlterTable,
                                 "The column '{}' cannot be {}: columns can only be added at the end.", names[0], verb);
  };
  ARROW_RETURN_NOT_OK(refuse(change.dropped_columns, "dropped"));
  ARROW_RETURN_NOT_OK(refuse(change.renamed_columns, "renamed"));
  return refuse(change.modified_columns, "modified");
}

}  // namespace

arrow::Result<TableDescriptor> ChangeTable(const TableDescriptor& table, const TableChange& change,
                                           const TableRules& rules) {
  ARROW_RETURN_NOT_OK(RefuseColumnChanges(change));
  if (!change.options.empty() && !change.added_columns.empty()) {
    return Error(ErrorCode::kInvalidAlterTable, "One request can alter options or columns, not both: send two.");
  }
  TableDescriptor changed = table;
  for (const OptionChange& option : change.options) ARROW_RETURN_NOT_OK(ChangeOption(option, &changed));
  for (const AddedColumn& column : change.added_columns) {
    ARROW_ASSIGN_OR_RAISE(changed.schema, AddColumn(changed.schema, column));
  }
  TableRules of_old = rules;
  of_old.tablet_server_count = std::numeric_limits<int32_t>::max();  // no bucket is added
  if (changed != table) ARROW_RETURN_NOT_OK(CheckTable(changed, of_old));
  return changed;
}

}  // namespace thalweg::schema
