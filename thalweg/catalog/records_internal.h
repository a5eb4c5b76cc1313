#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "arrow/result.h"
#include "thalweg/base/ids.h"
#include "thalweg/catalog/catalog_view.h"
#include "thalweg/catalog/cluster.h"
#include "thalweg/catalog/producer_offsets.h"
#include "thalweg/catalog/table.h"
#include "thalweg/schema/table_path.h"
#include "thalweg/security/acl.h"

/// What stands in the MetaStore, and under which keys. Values are JSON objects; a member that this version does not know
/// is ignored, one that it needs and does not find is damage (kStorage, naming the key). kFormatVersion goes up when an
/// older server could misunderstand what a newer one writes.
///
///   format                            kFormatVersion
///   counter/{table,partition,writer}  the next id to give out
///   counter/rows/TABLE_ID/COLUMN_ID   the next number to give out in that auto-increment column
///   cluster                           configs, server_tags, rebalance_count, rebalance_id, rebalance_status
///   database/NAME                     descriptor (JSON text), created_ms, modified_ms
///   table/DATABASE/TABLE              id, schema_id (the latest), descriptor (JSON text), created_ms, modified_ms
///   schema/TABLE_ID/SCHEMA_ID         the schema's own JSON
///   partition/TABLE_ID/NAME           id, values, created_ms
///   acl/TYPE/NAME                     entries: the rights on the resource of that type (its number) and name
///   producer/NAME                     expires_ms, offsets: [table id, partition id or -1, bucket, offset], …
///   dropped/TABLE_ID[/PARTITION_ID]   nothing: of it data may still be there
///
/// Names cannot hold a slash, but that of an acl, which is all that follows; ids are decimal.
namespace thalweg::catalog::records {

inline constexpr int64_t kFormatVersion = 1;
inline constexpr const char* kFormatKey = "format";
inline constexpr const char* kTableCounter = "counter/table";
inline constexpr const char* kPartitionCounter = "counter/partition";
inline constexpr const char* kWriterCounter = "counter/writer";
inline constexpr const char* kCluster = "cluster";
inline constexpr const char* kDropped = "dropped/";
inline constexpr const char* kDatabases = "database/";
inline constexpr const char* kTables = "table/";
inline constexpr const char* kSchemas = "schema/";
inline constexpr const char* kPartitions = "partition/";
inline constexpr const char* kAcls = "acl/";
inline constexpr const char* kProducers = "producer/";

std::string DatabaseKey(const std::string& name);
std::string TableKey(const schema::TablePath& path);
std::string SchemaKey(TableId table, SchemaId schema);
std::string PartitionKey(TableId table, const std::string& name);
std::string AclKey(const security::Resource& resource);
std::string ProducerKey(const std::string& producer);
std::string RowNumberKey(TableId table, int32_t column_id);

std::string DroppedKey(const Dropped& dropped);

std::string EncodeNumber(int64_t value);
std::string EncodeCluster(const Cluster& cluster);
std::string EncodeDatabase(const Database& database);
std::string EncodeTable(const Table& table);
std::string EncodePartition(const Partition& partition);
std::string EncodeAcl(const std::set<security::AclEntry>& entries);
std::string EncodeProducerOffsets(const ProducerOffsets& producer);

arrow::Result<int64_t> DecodeNumber(std::string_view key, const std::string& value);
arrow::Result<Dropped> DecodeDropped(std::string_view key);
arrow::Result<Cluster> DecodeCluster(std::string_view key, const std::string& value);
/// Without its tables.
arrow::Result<Database> DecodeDatabase(std::string_view key, const std::string& value);
/// Without schemas and partitions. `schema_count` is the id of the latest schema.
arrow::Result<Table> DecodeTable(std::string_view key, const std::string& value, int16_t& schema_count);
arrow::Result<Partition> DecodePartition(std::string_view key, const std::string& value);
arrow::Result<std::pair<security::Resource, std::set<security::AclEntry>>> DecodeAcl(std::string_view key,
                                                                                     const std::string& value);
arrow::Result<ProducerOffsets> DecodeProducerOffsets(std::string_view key, const std::string& value);

/// Damage in the value of `key`.
arrow::Status Damaged(std::string_view key, std::string_view why);

}  // namespace thalweg::catalog::records
