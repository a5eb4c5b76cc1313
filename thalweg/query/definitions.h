#pragma once

#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/query/session.h"
#include "thalweg/query/table.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/task.h"
#include "thalweg/schema/database_descriptor.h"
#include "thalweg/schema/partition_spec.h"
#include "thalweg/schema/schema_change.h"
#include "thalweg/schema/table_descriptor.h"
#include "thalweg/schema/table_path.h"

namespace thalweg::query {

/// Creates, alters and drops what the catalog has, as the RPC port does: with its checks (catalog::Catalog, whose errors these
/// are, and AUTHORIZATION), and with what follows from a change (automatic partitions, the removal of data). Durable and visible
/// on return. All resume on `home`.

/// CREATE on the cluster.
runtime::Task<arrow::Status> CreateDatabase(Session session, std::string name, schema::DatabaseDescriptor descriptor,
                                            bool ignore_if_exists, runtime::Executor& home);
/// ALTER on the database.
runtime::Task<arrow::Status> AlterDatabase(Session session, std::string name,
                                           std::vector<schema::OptionChange> properties,
                                           std::optional<std::string> comment, bool ignore_if_not_exists,
                                           runtime::Executor& home);
/// DROP on the database; with `cascade`, no deny rule may protect one of its tables.
runtime::Task<arrow::Status> DropDatabase(Session session, std::string name, bool ignore_if_not_exists, bool cascade,
                                          runtime::Executor& home);

/// CREATE on the database. The table that was created, or is there. `descriptor` need not be normal (Normalize is called).
runtime::Task<arrow::Result<TablePtr>> CreateTable(Session session, schema::TablePath path,
                                                   schema::TableDescriptor descriptor, bool ignore_if_exists,
                                                   runtime::Executor& home);
/// ALTER on the table. The changed table; null where it is missing and that is ignored.
runtime::Task<arrow::Result<TablePtr>> AlterTable(Session session, schema::TablePath path, schema::TableChange change,
                                                  bool ignore_if_not_exists, runtime::Executor& home);
/// DROP on the table. Whether there was one.
runtime::Task<arrow::Result<bool>> DropTable(Session session, schema::TablePath path, bool ignore_if_not_exists,
                                             runtime::Executor& home);

/// WRITE on the table.
runtime::Task<arrow::Result<catalog::PartitionPtr>> CreatePartition(Session session, schema::TablePath path,
                                                                    schema::PartitionSpec spec, bool ignore_if_exists,
                                                                    runtime::Executor& home);
/// WRITE on the table. Whether there was one.
runtime::Task<arrow::Result<bool>> DropPartition(Session session, schema::TablePath path, schema::PartitionSpec spec,
                                                 bool ignore_if_not_exists, runtime::Executor& home);

}  // namespace thalweg::query
