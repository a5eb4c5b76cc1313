#include "thalweg/service/api_table.h"

#include <algorithm>
#include <array>

#include "proto/fluss.pb.h"
#include "proto/fluss_admin.pb.h"
#include "thalweg/service/handlers.h"

namespace thalweg::service {
namespace {

using wire::ApiKey;
using enum security::Operation;

constexpr std::array kApis = {
    Api{ApiKey::kApiVersions, 0, 0, HandleApiVersions, NeedsNothing},
    Api{ApiKey::kCreateDatabase, 0, 0, HandleCreateDatabase, NeedsCluster<kCreate>},
    Api{ApiKey::kDropDatabase, 0, 0, HandleDropDatabase, NeedsDropDatabase},
    Api{ApiKey::kListDatabases, 0, 0, HandleListDatabases, ChecksInHandler},
    Api{ApiKey::kDatabaseExists, 0, 0, HandleDatabaseExists, ChecksInHandler},
    Api{ApiKey::kCreateTable, 0, 0, HandleCreateTable, NeedsDatabaseOfTable<pb::CreateTableRequest, kCreate>},
    Api{ApiKey::kDropTable, 0, 0, HandleDropTable, NeedsTable<pb::DropTableRequest, kDrop>},
    Api{ApiKey::kGetTableInfo, 0, 0, HandleGetTableInfo, NeedsTable<pb::GetTableInfoRequest, kDescribe>},
    Api{ApiKey::kListTables, 0, 0, HandleListTables, ChecksInHandler},
    Api{ApiKey::kListPartitionInfos, 0, 0, HandleListPartitionInfos,
        NeedsTable<pb::ListPartitionInfosRequest, kDescribe>},
    Api{ApiKey::kTableExists, 0, 0, HandleTableExists, ChecksInHandler},
    Api{ApiKey::kGetTableSchema, 0, 0, HandleGetTableSchema, NeedsTable<pb::GetTableSchemaRequest, kDescribe>},
    Api{ApiKey::kGetMetadata, 0, 0, HandleGetMetadata, ChecksInHandler},
    Api{ApiKey::kProduceLog, 0, 0, HandleProduceLog, NeedsProduceLog},
    Api{ApiKey::kFetchLog, 0, 0, HandleFetchLog, ChecksInHandler},
    Api{ApiKey::kPutKv, 0, 2, HandlePutKv, NeedsPutKv},
    Api{ApiKey::kLookup, 0, 1, HandleLookup, NeedsLookup},
    Api{ApiKey::kListOffsets, 0, 0, HandleListOffsets, NeedsTableOfId<pb::ListOffsetsRequest, kDescribe>},
    Api{ApiKey::kGetLatestKvSnapshots, 0, 0, HandleGetLatestKvSnapshots,
        NeedsTable<pb::GetLatestKvSnapshotsRequest, kDescribe>},
    Api{ApiKey::kGetKvSnapshotMetadata, 0, 0, HandleGetKvSnapshotMetadata,
        NeedsTableOfId<pb::GetKvSnapshotMetadataRequest, kDescribe>},
    Api{ApiKey::kGetFilesystemSecurityToken, 0, 0, HandleGetFilesystemSecurityToken, NeedsSomeTable},
    Api{ApiKey::kInitWriter, 0, 0, HandleInitWriter, NeedsInitWriter},
    Api{ApiKey::kGetLakeSnapshot, 0, 0, HandleGetLakeSnapshot, NeedsTable<pb::GetLakeSnapshotRequest, kDescribe>},
    Api{ApiKey::kLimitScan, 0, 0, HandleLimitScan, NeedsTableOfId<pb::LimitScanRequest, kRead>},
    Api{ApiKey::kPrefixLookup, 0, 1, HandlePrefixLookup, NeedsTableOfId<pb::PrefixLookupRequest, kRead>},
    Api{ApiKey::kGetDatabaseInfo, 0, 0, HandleGetDatabaseInfo, NeedsDatabase<pb::GetDatabaseInfoRequest, kDescribe>},
    Api{ApiKey::kCreatePartition, 0, 0, HandleCreatePartition, NeedsTable<pb::CreatePartitionRequest, kWrite>},
    Api{ApiKey::kDropPartition, 0, 0, HandleDropPartition, NeedsTable<pb::DropPartitionRequest, kWrite>},
    Api{ApiKey::kAuthenticate, 0, 0, HandleAuthenticate, NeedsNothing},
    Api{ApiKey::kCreateAcls, 0, 0, HandleCreateAcls, ChecksInHandler},
    Api{ApiKey::kListAcls, 0, 0, HandleListAcls, ChecksInHandler},
    Api{ApiKey::kDropAcls, 0, 0, HandleDropAcls, ChecksInHandler},
    Api{ApiKey::kAlterTable, 0, 0, HandleAlterTable, NeedsTable<pb::AlterTableRequest, kAlter>},
    Api{ApiKey::kDescribeClusterConfigs, 0, 0, HandleDescribeClusterConfigs, NeedsCluster<kDescribe>},
    Api{ApiKey::kAlterClusterConfigs, 0, 0, HandleAlterClusterConfigs, NeedsCluster<kAlter>},
    Api{ApiKey::kAddServerTag, 0, 0, HandleAddServerTag, NeedsCluster<kAlter>},
    Api{ApiKey::kRemoveServerTag, 0, 0, HandleRemoveServerTag, NeedsCluster<kAlter>},
    Api{ApiKey::kRebalance, 0, 0, HandleRebalance, NeedsCluster<kWrite>},
    Api{ApiKey::kListRebalanceProgress, 0, 0, HandleListRebalanceProgress, NeedsCluster<kDescribe>},
    Api{ApiKey::kCancelRebalance, 0, 0, HandleCancelRebalance, NeedsCluster<kWrite>},
    Api{ApiKey::kRegisterProducerOffsets, 0, 0, HandleRegisterProducerOffsets, NeedsRegisterProducerOffsets},
    Api{ApiKey::kGetProducerOffsets, 0, 0, HandleGetProducerOffsets, ChecksInHandler},
    Api{ApiKey::kDeleteProducerOffsets, 0, 0, HandleDeleteProducerOffsets, ChecksInHandler},
    Api{ApiKey::kAcquireKvSnapshotLease, 0, 0, HandleAcquireKvSnapshotLease, NeedsAcquireLease},
    Api{ApiKey::kReleaseKvSnapshotLease, 0, 0, HandleReleaseKvSnapshotLease, NeedsReleaseLease},
    Api{ApiKey::kDropKvSnapshotLease, 0, 0, HandleDropKvSnapshotLease, NeedsDropLease},
    Api{ApiKey::kGetTableStats, 0, 0, HandleGetTableStats, NeedsTableOfId<pb::GetTableStatsRequest, kRead>},
    Api{ApiKey::kAlterDatabase, 0, 0, HandleAlterDatabase, NeedsDatabase<pb::AlterDatabaseRequest, kAlter>},
    Api{ApiKey::kScanKv, 0, 0, HandleScanKv, NeedsScanKv},
    Api{ApiKey::kGetClusterHealth, 0, 0, HandleGetClusterHealth, NeedsCluster<kDescribe>},
    Api{ApiKey::kListKvSnapshots, 0, 0, HandleListKvSnapshots, NeedsTableOfId<pb::ListKvSnapshotsRequest, kDescribe>},
};
static_assert(std::ranges::is_sorted(kApis, {}, &Api::key));
static_assert(std::ranges::none_of(kApis, [](const Api& api) { return api.access == nullptr; }),
              "Say what a request needs (access_checks.h) before anybody may send it.");

}  // namespace

std::span<const Api> ApiTable() { return kApis; }

const Api* FindApi(wire::ApiKey key) {
  const auto api = std::ranges::lower_bound(kApis, key, {}, &Api::key);
  return api != kApis.end() && api->key == key ? &*api : nullptr;
}

}  // namespace thalweg::service
