#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "arrow/result.h"
#include "thalweg/schema/table_descriptor.h"

namespace thalweg::schema {

/// What the cluster adds to a new table and allows it.
struct TableRules {
  int32_t bucket_count_default = 1;
  int32_t bucket_count_max = 4096;
  int32_t replication_factor_default = 1;
  /// Alive tablet servers that are not tagged as offline: a bucket cannot have more replicas.
  int32_t tablet_server_count = 1;
  /// Stamped on tables that name none: "paimon", "lance", "iceberg" or "hudi".
  std::optional<std::string> lake_format{};
};

/// The newest way of encoding keys, and the one that new tables get.
inline constexpr int32_t kKvFormatVersionMax = 2;

/// `table` as it is stored: Normalize()d, with the defaults of `rules` and of its kind filled in, and CheckTable()d.
arrow::Result<TableDescriptor> PrepareTable(TableDescriptor table, const TableRules& rules);

/// Everything that a table must fulfil to be created or altered; defaults must be filled in. Which code says what:
/// INVALID_CONFIG an option, INVALID_TABLE columns and keys, and table.datalake.enabled, which needs a lake that this server
/// does not have yet, BUCKET_MAX_NUM, INVALID_REPLICATION_FACTOR.
arrow::Status CheckTable(const TableDescriptor& table, const TableRules& rules);

/// INVALID_REPLICATION_FACTOR where there are not so many servers for a bucket; asked when there are to be buckets, so for a
/// partitioned table with each partition.
arrow::Status CheckServers(int32_t replication_factor, const TableRules& rules);

/// INVALID_TABLE where a column has a name that queries use for what the server adds to rows (__offset and the like).
arrow::Status CheckColumnNames(const Schema& schema);

}  // namespace thalweg::schema
