#pragma once

#include <cstdint>
#include <string_view>

namespace thalweg::wire {

/// Every request of the Fluss protocol. Keys below 1000 are Kafka's. X(number, constant, name)
#define THALWEG_API_KEYS(X) \
  X(1000, kApiVersions, "API_VERSIONS") \
  X(1001, kCreateDatabase, "CREATE_DATABASE") \
  X(1002, kDropDatabase, "DROP_DATABASE") \
  X(1003, kListDatabases, "LIST_DATABASES") \
  X(1004, kDatabaseExists, "DATABASE_EXISTS") \
  X(1005, kCreateTable, "CREATE_TABLE") \
  X(1006, kDropTable, "DROP_TABLE") \
  X(1007, kGetTableInfo, "GET_TABLE_INFO") \
  X(1008, kListTables, "LIST_TABLES") \
  X(1009, kListPartitionInfos, "LIST_PARTITION_INFOS") \
  X(1010, kTableExists, "TABLE_EXISTS") \
  X(1011, kGetTableSchema, "GET_TABLE_SCHEMA") \
  X(1012, kGetMetadata, "GET_METADATA") \
  X(1013, kUpdateMetadata, "UPDATE_METADATA") \
  X(1014, kProduceLog, "PRODUCE_LOG") \
  X(1015, kFetchLog, "FETCH_LOG") \
  X(1016, kPutKv, "PUT_KV") \
  X(1017, kLookup, "LOOKUP") \
  X(1018, kNotifyLeaderAndIsr, "NOTIFY_LEADER_AND_ISR") \
  X(1019, kStopReplica, "STOP_REPLICA") \
  X(1020, kAdjustIsr, "ADJUST_ISR") \
  X(1021, kListOffsets, "LIST_OFFSETS") \
  X(1022, kCommitKvSnapshot, "COMMIT_KV_SNAPSHOT") \
  X(1023, kGetLatestKvSnapshots, "GET_LATEST_KV_SNAPSHOTS") \
  X(1024, kGetKvSnapshotMetadata, "GET_KV_SNAPSHOT_METADATA") \
  X(1025, kGetFilesystemSecurityToken, "GET_FILESYSTEM_SECURITY_TOKEN") \
  X(1026, kInitWriter, "INIT_WRITER") \
  X(1027, kCommitRemoteLogManifest, "COMMIT_REMOTE_LOG_MANIFEST") \
  X(1028, kNotifyRemoteLogOffsets, "NOTIFY_REMOTE_LOG_OFFSETS") \
  X(1029, kNotifyKvSnapshotOffset, "NOTIFY_KV_SNAPSHOT_OFFSET") \
  X(1030, kCommitLakeTableSnapshot, "COMMIT_LAKE_TABLE_SNAPSHOT") \
  X(1031, kNotifyLakeTableOffset, "NOTIFY_LAKE_TABLE_OFFSET") \
  X(1032, kGetLakeSnapshot, "GET_LAKE_SNAPSHOT") \
  X(1033, kLimitScan, "LIMIT_SCAN") \
  X(1034, kPrefixLookup, "PREFIX_LOOKUP") \
  X(1035, kGetDatabaseInfo, "GET_DATABASE_INFO") \
  X(1036, kCreatePartition, "CREATE_PARTITION") \
  X(1037, kDropPartition, "DROP_PARTITION") \
  X(1038, kAuthenticate, "AUTHENTICATE") \
  X(1039, kCreateAcls, "CREATE_ACLS") \
  X(1040, kListAcls, "LIST_ACLS") \
  X(1041, kDropAcls, "DROP_ACLS") \
  X(1042, kLakeTieringHeartbeat, "LAKE_TIERING_HEARTBEAT") \
  X(1043, kControlledShutdown, "CONTROLLED_SHUTDOWN") \
  X(1044, kAlterTable, "ALTER_TABLE") \
  X(1045, kDescribeClusterConfigs, "DESCRIBE_CLUSTER_CONFIGS") \
  X(1046, kAlterClusterConfigs, "ALTER_CLUSTER_CONFIGS") \
  X(1047, kAddServerTag, "ADD_SERVER_TAG") \
  X(1048, kRemoveServerTag, "REMOVE_SERVER_TAG") \
  X(1049, kRebalance, "REBALANCE") \
  X(1050, kListRebalanceProgress, "LIST_REBALANCE_PROGRESS") \
  X(1051, kCancelRebalance, "CANCEL_REBALANCE") \
  X(1052, kPrepareLakeTableSnapshot, "PREPARE_LAKE_TABLE_SNAPSHOT") \
  X(1053, kRegisterProducerOffsets, "REGISTER_PRODUCER_OFFSETS") \
  X(1054, kGetProducerOffsets, "GET_PRODUCER_OFFSETS") \
  X(1055, kDeleteProducerOffsets, "DELETE_PRODUCER_OFFSETS") \
  X(1056, kAcquireKvSnapshotLease, "ACQUIRE_KV_SNAPSHOT_LEASE") \
  X(1057, kReleaseKvSnapshotLease, "RELEASE_KV_SNAPSHOT_LEASE") \
  X(1058, kDropKvSnapshotLease, "DROP_KV_SNAPSHOT_LEASE") \
  X(1059, kGetTableStats, "GET_TABLE_STATS") \
  X(1060, kAlterDatabase, "ALTER_DATABASE") \
  X(1061, kScanKv, "SCAN_KV") \
  X(1062, kGetClusterHealth, "GET_CLUSTER_HEALTH") \
  X(1063, kListRemoteLogManifests, "LIST_REMOTE_LOG_MANIFESTS") \
  X(1064, kListKvSnapshots, "LIST_KV_SNAPSHOTS")

enum class ApiKey : int16_t {
#define X(number, constant, name) constant = number,
  THALWEG_API_KEYS(X)
#undef X
};

/// The protocol's name of a key, such as "FETCH_LOG"; empty for a number that it does not know.
constexpr std::string_view ApiName(ApiKey key) {
  switch (key) {
#define X(number, constant, name) \
  case ApiKey::constant: \
    return name;
    THALWEG_API_KEYS(X)
#undef X
  }
  return {};
}

}  // namespace thalweg::wire
