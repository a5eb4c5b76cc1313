#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/ids.h"
#include "thalweg/client/connection.h"
#include "thalweg/schema/partition_spec.h"
#include "thalweg/schema/schema_change.h"
#include "thalweg/schema/table_descriptor.h"
#include "thalweg/schema/table_path.h"

/// The administrative calls, one function each. Errors: those of Connection, and the server's refusals.
namespace thalweg::client {

struct TableInfo {
  schema::TablePath path{};
  TableId id{};
  SchemaId schema_id{};
  schema::TableDescriptor descriptor{};
  int64_t created_ms = 0;
  int64_t modified_ms = 0;
};

struct PartitionInfo {
  PartitionId id{};
  /// In the order of the table's partition keys.
  std::vector<std::string> values{};

  std::string name() const { return schema::PartitionName(values); }
};

arrow::Result<std::vector<std::string>> ListDatabases(Connection& connection);
arrow::Result<std::vector<std::string>> ListTables(Connection& connection, const std::string& database);

arrow::Result<TableInfo> GetTable(Connection& connection, const schema::TablePath& path);
/// The schema of one version of a table.
arrow::Result<schema::Schema> GetSchema(Connection& connection, const schema::TablePath& path, SchemaId id);
arrow::Status CreateDatabase(Connection& connection, const std::string& name, bool ignore_existing);
arrow::Status CreateTable(Connection& connection, const schema::TablePath& path, const schema::TableDescriptor& table,
                          bool ignore_existing);
arrow::Status DropTable(Connection& connection, const schema::TablePath& path, bool ignore_missing);
/// Options and added columns of `change`; servers refuse both at once.
arrow::Status AlterTable(Connection& connection, const schema::TablePath& path, const schema::TableChange& change);

arrow::Result<std::vector<PartitionInfo>> ListPartitions(Connection& connection, const TableInfo& table);
/// No error where it exists.
arrow::Status CreatePartition(Connection& connection, const TableInfo& table, const std::vector<std::string>& values);

/// Which offset ListOffsets asks for: the numbers are the protocol's.
enum class OffsetKind : int32_t { kEarliest = 0, kLatest = 1, kTimestamp = 2 };

/// One offset for each bucket of a table, or of one partition of it. `timestamp_ms` for kTimestamp alone: the first
/// offset whose record was committed then or later.
arrow::Result<std::vector<LogOffset>> ListOffsets(Connection& connection, const TableInfo& table, PartitionId partition,
                                                  OffsetKind kind, int64_t timestamp_ms = 0);

}  // namespace thalweg::client
