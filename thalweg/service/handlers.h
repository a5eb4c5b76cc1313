#pragma once

#include "thalweg/service/call.h"

namespace thalweg::service {

// One handler per API, in the file that its group is named after. What each must answer is the protocol's; what is not
// obvious from it stands at the definition.
#define THALWEG_HANDLER(name) runtime::Task<arrow::Result<Reply>> name(Call call)

// connection_handlers.cc
THALWEG_HANDLER(HandleApiVersions);
THALWEG_HANDLER(HandleGetFilesystemSecurityToken);
// authenticate_handler.cc
THALWEG_HANDLER(HandleAuthenticate);
// acl_handlers.cc
THALWEG_HANDLER(HandleCreateAcls);
THALWEG_HANDLER(HandleListAcls);
THALWEG_HANDLER(HandleDropAcls);
// metadata_handler.cc
THALWEG_HANDLER(HandleGetMetadata);
// database_handlers.cc
THALWEG_HANDLER(HandleCreateDatabase);
THALWEG_HANDLER(HandleAlterDatabase);
THALWEG_HANDLER(HandleDropDatabase);
THALWEG_HANDLER(HandleListDatabases);
THALWEG_HANDLER(HandleDatabaseExists);
THALWEG_HANDLER(HandleGetDatabaseInfo);
// table_handlers.cc
THALWEG_HANDLER(HandleCreateTable);
THALWEG_HANDLER(HandleAlterTable);
THALWEG_HANDLER(HandleDropTable);
THALWEG_HANDLER(HandleGetTableInfo);
THALWEG_HANDLER(HandleGetTableSchema);
THALWEG_HANDLER(HandleListTables);
THALWEG_HANDLER(HandleTableExists);
// partition_handlers.cc
THALWEG_HANDLER(HandleCreatePartition);
THALWEG_HANDLER(HandleDropPartition);
THALWEG_HANDLER(HandleListPartitionInfos);
// produce_log_handler.cc, fetch_log_handler.cc, limit_scan_handler.cc
THALWEG_HANDLER(HandleProduceLog);
THALWEG_HANDLER(HandleFetchLog);
THALWEG_HANDLER(HandleLimitScan);
// put_kv_handler.cc, lookup_handlers.cc
THALWEG_HANDLER(HandlePutKv);
THALWEG_HANDLER(HandleLookup);
THALWEG_HANDLER(HandlePrefixLookup);
// scan_kv_handler.cc
THALWEG_HANDLER(HandleScanKv);
// kv_snapshot_handlers.cc, kv_lease_handlers.cc
THALWEG_HANDLER(HandleGetLatestKvSnapshots);
THALWEG_HANDLER(HandleGetKvSnapshotMetadata);
THALWEG_HANDLER(HandleListKvSnapshots);
THALWEG_HANDLER(HandleAcquireKvSnapshotLease);
THALWEG_HANDLER(HandleReleaseKvSnapshotLease);
THALWEG_HANDLER(HandleDropKvSnapshotLease);
// bucket_handlers.cc
THALWEG_HANDLER(HandleInitWriter);
THALWEG_HANDLER(HandleListOffsets);
THALWEG_HANDLER(HandleGetTableStats);
// cluster_handlers.cc
THALWEG_HANDLER(HandleDescribeClusterConfigs);
THALWEG_HANDLER(HandleAlterClusterConfigs);
THALWEG_HANDLER(HandleAddServerTag);
THALWEG_HANDLER(HandleRemoveServerTag);
THALWEG_HANDLER(HandleRebalance);
THALWEG_HANDLER(HandleListRebalanceProgress);
THALWEG_HANDLER(HandleCancelRebalance);
THALWEG_HANDLER(HandleGetClusterHealth);
THALWEG_HANDLER(HandleGetLakeSnapshot);
// producer_offset_handlers.cc
THALWEG_HANDLER(HandleRegisterProducerOffsets);
THALWEG_HANDLER(HandleGetProducerOffsets);
THALWEG_HANDLER(HandleDeleteProducerOffsets);

#undef THALWEG_HANDLER

}  // namespace thalweg::service
