#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/ids.h"
#include "thalweg/catalog/cluster.h"
#include "thalweg/catalog/persistent_map.h"
#include "thalweg/catalog/table.h"
#include "thalweg/schema/partition_spec.h"
#include "thalweg/schema/table_path.h"
#include "thalweg/security/access_policy.h"

namespace thalweg::catalog {

/// A database at one moment. Immutable.
struct Database {
  std::string name{};
  std::string json{};  ///< its descriptor as schema::DatabaseDescriptor prints it
  int64_t created_ms = 0;
  int64_t modified_ms = 0;
  int64_t revision = 0;                           ///< of its entry in the MetaStore
  PersistentMap<std::string, TablePtr> tables{};  ///< by name
};
using DatabasePtr = std::shared_ptr<const Database>;

/// All databases, tables and partitions at one moment: answers every read without I/O and without waiting.
/// Immutable; copies share nearly everything. Thread safety: all of it.
///
/// Find… give nullptr where there is none, Get… the error that the protocol wants.
class CatalogView {
 public:
  DatabasePtr FindDatabase(const std::string& name) const;
  TablePtr FindTable(const schema::TablePath& path) const;
  TablePtr FindTable(TableId id) const;
  PartitionPtr FindPartition(PartitionId id) const;

  /// kDatabaseNotExist.
  arrow::Result<DatabasePtr> GetDatabase(const std::string& name) const;
  /// kTableNotExist, also where the database is missing.
  arrow::Result<TablePtr> GetTable(const schema::TablePath& path) const;
  /// kTableNotExist, kSchemaNotExist.
  arrow::Result<std::shared_ptr<const schema::Schema>> GetSchema(const schema::TablePath& path, SchemaId id) const;

  /// OK where there is such a bucket. UNKNOWN_TABLE_OR_BUCKET.
  arrow::Status CheckBucket(const TableBucket& bucket) const;

  /// Never null.
  const ClusterPtr& cluster() const { return cluster_; }

  size_t database_count() const { return databases_.size(); }
  size_t table_count() const { return tables_.size(); }

  /// In the order of names.
  std::vector<DatabasePtr> ListDatabases() const;
  /// In the order of names. kDatabaseNotExist.
  arrow::Result<std::vector<TablePtr>> ListTables(const std::string& database) const;
  /// In the order of ids.
  std::vector<TablePtr> ListAllTables() const;
  /// Those that have all values of `partial` (all where it is empty), in the order of names. kTableNotExist,
  /// kTableNotPartitioned, kPartitionSpecInvalid where it names no partition key.
  arrow::Result<std::vector<PartitionPtr>> ListPartitions(const schema::TablePath& path,
                                                          const schema::PartitionSpec& partial) const;

  /// The rights that have been granted. They are about names, and stay when what bears the name goes.
  const security::AclMap& acls() const { return *acls_; }

  /// Changed copies. A table comes together with its partitions and replaces its earlier self; its database must be there.
  /// A database comes without tables, and goes with them.
  CatalogView WithCluster(ClusterPtr cluster) const;
  CatalogView WithDatabase(DatabasePtr database) const;
  /// In place of its earlier self, with the same tables.
  CatalogView WithAlteredDatabase(DatabasePtr database) const;
  CatalogView WithoutDatabase(const std::string& name) const;
  CatalogView WithTable(TablePtr table) const;
  CatalogView WithoutTable(const schema::TablePath& path) const;
  /// The table with (or without) this partition.
  CatalogView WithPartition(const PartitionPtr& partition) const;
  CatalogView WithoutPartition(const PartitionPtr& partition) const;
  CatalogView WithAcls(security::AclMap acls) const;

 private:
  ClusterPtr cluster_ = std::make_shared<const Cluster>();
  PersistentMap<std::string, DatabasePtr> databases_;
  PersistentMap<TableId, TablePtr> tables_;
  PersistentMap<PartitionId, PartitionPtr> partitions_;
  security::AclMapPtr acls_ = std::make_shared<const security::AclMap>();
};
using CatalogViewPtr = std::shared_ptr<const CatalogView>;

}  // namespace thalweg::catalog
