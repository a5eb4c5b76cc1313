// Snapshots of rows by key: GET_LATEST_KV_SNAPSHOTS, GET_KV_SNAPSHOT_METADATA, LIST_KV_SNAPSHOTS.

#include <memory>
#include <utility>
#include <vector>

#include "proto/fluss.pb.h"
#include "proto/fluss_admin.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/service/handlers.h"
#include "thalweg/service/services.h"
#include "thalweg/service/table_access.h"
#include "thalweg/tablet/engine.h"
#include "thalweg/tablet/row_snapshots.h"

namespace thalweg::service {
namespace {

using ManifestPtr = std::shared_ptr<const remote::SnapshotManifest>;

/// What there is of each bucket of a table or partition, in their order; nothing where there are no snapshots at all.
runtime::Task<arrow::Result<std::vector<ManifestPtr>>> ManifestsOf(const Call& call, const catalog::Table& table,
                                                                   PartitionId partition) {
  tablet::RowSnapshots* const snapshots = call.services.engine.snapshots();
  std::vector<ManifestPtr> manifests;
  if (!snapshots) co_return manifests;
  const arrow::Status read = co_await runtime::RunOn(call.services.pool, call.home, [&]() -> arrow::Status {
    for (int32_t i = 0; i < table.bucket_count(); ++i) {
      ARROW_ASSIGN_OR_RAISE(manifests.emplace_back(), snapshots->ManifestOf({table.id, partition, BucketId(i)}));
    }
    return arrow::Status::OK();
  });
  TW_CO_RETURN_NOT_OK(read);
  co_return manifests;
}

arrow::Result<PartitionId> PartitionOf(const catalog::Table& table, const pb::GetLatestKvSnapshotsRequest& request) {
  if (!table.IsPartitioned()) {
    if (!request.has_partition_name()) return kNoPartition;
    return Error(ErrorCode::kTableNotPartitioned, "{} is not partitioned.", table.path);
  }
  if (!request.has_partition_name()) {
    return Error(ErrorCode::kPartitionNotExists, "{} is partitioned: say which partition.", table.path);
  }
  const catalog::PartitionPtr* const found = table.partitions.Find(request.partition_name());
  if (found) return (*found)->id;
  return Error(ErrorCode::kPartitionNotExists, "Table {} has no partition {}.", table.path, request.partition_name());
}

arrow::Status NotThere(const pb::GetKvSnapshotMetadataRequest& request, std::string_view why) {
  return Error(ErrorCode::kKvSnapshotNotExist, "There is no snapshot {} of bucket {} of table {} (any more): {}",
               request.snapshot_id(), request.bucket_id(), request.table_id(), why);
}

}  // namespace

// One entry for each bucket. Of snapshots that a reader could not read for itself nothing is said: it reads the changelog instead.
runtime::Task<arrow::Result<Reply>> HandleGetLatestKvSnapshots(Call call) {
  pb::GetLatestKvSnapshotsRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  TW_CO_ASSIGN_OR_RETURN(const auto table, call.services.catalog.view()->GetTable(PathOf(request.table_path())));
  if (!table->descriptor->HasPrimaryKey()) {
    co_return Error(ErrorCode::kNonPrimaryKeyTable, "{} has no primary key, hence no snapshots of rows.", table->path);
  }
  TW_CO_ASSIGN_OR_RETURN(const PartitionId partition, PartitionOf(*table, request));
  TW_CO_ASSIGN_OR_RETURN(const auto manifests, co_await ManifestsOf(call, *table, partition));
  const bool readable = !manifests.empty() && !call.services.engine.snapshots()->public_root().empty();
  pb::GetLatestKvSnapshotsResponse response;
  response.set_table_id(table->id.value);
  if (partition != kNoPartition) response.set_partition_id(partition.value);
  for (int32_t i = 0; i < table->bucket_count(); ++i) {
    auto* bucket = response.add_latest_snapshots();
    bucket->set_bucket_id(i);
    const remote::KvSnapshot* const latest = readable ? manifests[static_cast<size_t>(i)]->latest() : nullptr;
    if (!latest) continue;
    bucket->set_snapshot_id(latest->id);
    bucket->set_log_offset(latest->log_offset.value);
  }
  co_return MessageReply(call, response);
}

runtime::Task<arrow::Result<Reply>> HandleGetKvSnapshotMetadata(Call call) {
  pb::GetKvSnapshotMetadataRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  const auto access = TableAccess::Find(call.services, TableId(request.table_id()));
  if (!access.ok()) co_return NotThere(request, access.status().message());
  const TableBucket bucket = access->BucketOf(request, request.bucket_id());
  arrow::Status refused = access->CheckPrimaryKeyTable();
  if (refused.ok()) refused = access->CheckBucket(bucket.partition, bucket.bucket);
  if (!refused.ok()) co_return NotThere(request, refused.message());
  tablet::RowSnapshots* const snapshots = call.services.engine.snapshots();
  if (!snapshots) co_return NotThere(request, "the server was started without remote.data.dir.");
  if (snapshots->public_root().empty()) {
    co_return NotThere(request, "snapshots lie in an object store, to which readers would need the server's own keys.");
  }
  TW_CO_ASSIGN_OR_RETURN(const ManifestPtr manifest, co_await runtime::RunOn(call.services.pool, call.home, [&] {
                           return snapshots->ManifestOf(bucket);
                         }));
  const remote::KvSnapshot* const snapshot = manifest->Find(request.snapshot_id());
  if (!snapshot)
    co_return NotThere(request, "later ones have taken its place. Ask for the latest, and hold it by a lease.");
  pb::GetKvSnapshotMetadataResponse response;
  response.set_log_offset(snapshot->log_offset.value);
  for (const auto& file : snapshot->files) {
    auto* told = response.add_snapshot_files();
    told->set_remote_path(snapshots->public_root() + "/" + file.key);
    told->set_local_file_name(file.name);
  }
  co_return MessageReply(call, response);
}

runtime::Task<arrow::Result<Reply>> HandleListKvSnapshots(Call call) {
  pb::ListKvSnapshotsRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  TW_CO_ASSIGN_OR_RETURN(const auto access, TableAccess::Find(call.services, TableId(request.table_id())));
  TW_CO_RETURN_NOT_OK(access.CheckPrimaryKeyTable());
  const PartitionId partition = access.BucketOf(request, 0).partition;
  TW_CO_RETURN_NOT_OK(access.CheckBucket(partition, BucketId(0)));
  TW_CO_ASSIGN_OR_RETURN(const auto manifests, co_await ManifestsOf(call, access.table(), partition));
  pb::ListKvSnapshotsResponse response;
  response.set_table_id(request.table_id());
  if (request.has_partition_id()) response.set_partition_id(request.partition_id());
  for (size_t i = 0; i < manifests.size(); ++i) {
    for (const auto& snapshot : manifests[i]->snapshots) {
      auto* active = response.add_active_snapshots();
      active->set_bucket_id(static_cast<int32_t>(i));
      active->set_snapshot_id(snapshot.id);
      active->set_log_offset(snapshot.log_offset.value);
    }
  }
  co_return MessageReply(call, response);
}

}  // namespace thalweg::service
