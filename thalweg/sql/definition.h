#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "arrow/result.h"
#include "thalweg/schema/database_descriptor.h"
#include "thalweg/schema/partition_spec.h"
#include "thalweg/schema/schema_change.h"
#include "thalweg/schema/table_descriptor.h"
#include "thalweg/schema/table_path.h"

/// The statements that define databases, tables and partitions, which DuckDB's parser refuses or loses parts of:
///
///   CREATE DATABASE [IF NOT EXISTS] name [COMMENT 'text'] [WITH (options)]
///   ALTER DATABASE name SET (options) | RESET (keys)
///   DROP DATABASE [IF EXISTS] name [CASCADE | RESTRICT]
///   CREATE TABLE [IF NOT EXISTS] name
///     [( column type [NOT NULL] [PRIMARY KEY [NOT ENFORCED]] [COMMENT 'text'], …, [CONSTRAINT name] PRIMARY KEY (columns) [NOT ENFORCED] )]
///     [COMMENT 'text'] [PARTITIONED BY (columns)] [WITH (options)] [AS query]
///   ALTER TABLE [IF EXISTS] name ADD [COLUMN] column type [COMMENT 'text'] | ADD ( column type …, … )
///   ALTER TABLE [IF EXISTS] name SET (options) | RESET (keys)
///   ALTER TABLE name ADD [IF NOT EXISTS] PARTITION (key = 'value', …) | DROP [IF EXISTS] PARTITION (…)
///   DROP TABLE [IF EXISTS] name
///
/// SCHEMA is another word for DATABASE; `name` is [database.]table; options are 'key' = 'value' pairs, keys are 'key', …, both also
/// without quotes where they are words with dots. Types are those of Fluss and DuckDB's words for them.
namespace thalweg::sql {

struct TableName {
  std::optional<std::string> database{};
  std::string table{};

  schema::TablePath In(const std::string& current_database) const {
    return {database.value_or(current_database), table};
  }
  bool operator==(const TableName&) const = default;
};

struct CreateDatabase {
  std::string name{};
  schema::DatabaseDescriptor descriptor{};
  bool ignore_if_exists = false;
};
struct AlterDatabase {
  std::string name{};
  std::vector<schema::OptionChange> properties{};
};
struct DropDatabase {
  std::string name{};
  bool ignore_if_not_exists = false;
  bool cascade = false;
};
struct CreateTable {
  TableName name{};
  schema::TableDescriptor descriptor{};    ///< without columns where there is a query: these come from it,
  std::vector<std::string> primary_key{};  ///< and with them these two go into the schema
  std::map<std::string, schema::AggFunction> agg_functions{};
  std::vector<std::string> auto_increment_columns{};
  std::optional<std::string> query{};
  bool ignore_if_exists = false;
};
struct AlterTable {
  TableName name{};
  schema::TableChange change{};
  bool ignore_if_not_exists = false;
};
struct DropTable {
  TableName name{};
  bool ignore_if_not_exists = false;
};
struct AddPartition {
  TableName table{};
  schema::PartitionSpec spec{};
  bool ignore_if_exists = false;
};
struct DropPartition {
  TableName table{};
  schema::PartitionSpec spec{};
  bool ignore_if_not_exists = false;
};
using Definition = std::variant<CreateDatabase, AlterDatabase, DropDatabase, CreateTable, AlterTable, DropTable,
                                AddPartition, DropPartition>;

/// Reads one statement; absent where it is none of these (also CREATE TEMP TABLE, CREATE VIEW and the like). Invalid, saying what
/// was expected where, for one that is not as above; INVALID_CONFIG, INVALID_TABLE for options and types that there are not.
arrow::Result<std::optional<Definition>> ParseDefinition(std::string_view statement);

/// The schema of a CREATE TABLE whose columns are `columns`.
arrow::Result<schema::Schema> SchemaOf(const CreateTable& create, std::vector<schema::Column> columns);

}  // namespace thalweg::sql
