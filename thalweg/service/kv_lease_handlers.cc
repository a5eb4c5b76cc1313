// Leases on snapshots of rows by key: ACQUIRE_, RELEASE_, DROP_KV_SNAPSHOT_LEASE.

#include <map>
#include <utility>
#include <vector>

#include "proto/fluss.pb.h"
#include "proto/fluss_admin.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/service/handlers.h"
#include "thalweg/service/services.h"
#include "thalweg/service/table_access.h"
#include "thalweg/tablet/engine.h"
#include "thalweg/tablet/row_snapshots.h"

namespace thalweg::service {
namespace {

using Held = remote::SnapshotLeases::Held;

/// The table that a lease is about. UNKNOWN_TABLE_OR_BUCKET, NON_PRIMARY_KEY_TABLE.
arrow::Result<TableAccess> FindLeased(const Call& call, int64_t table) {
  ARROW_ASSIGN_OR_RAISE(auto access, TableAccess::Find(call.services, TableId(table)));
  ARROW_RETURN_NOT_OK(access.CheckPrimaryKeyTable());
  return access;
}

void Tell(const std::vector<Held>& missing, pb::AcquireKvSnapshotLeaseResponse& response) {
  std::map<TableId, pb::PbKvSnapshotLeaseForTable*> tables;
  for (const Held& held : missing) {
    auto*& table = tables[held.bucket.table];
    if (!table) {
      table = response.add_unavailable_snapshots();
      table->set_table_id(held.bucket.table.value);
    }
    auto* snapshot = table->add_bucket_snapshots();
    if (held.bucket.partition != kNoPartition) snapshot->set_partition_id(held.bucket.partition.value);
    snapshot->set_bucket_id(held.bucket.bucket.value);
    snapshot->set_snapshot_id(held.snapshot);
  }
}

}  // namespace

runtime::Task<arrow::Result<Reply>> HandleAcquireKvSnapshotLease(Call call) {
  pb::AcquireKvSnapshotLeaseRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  std::vector<Held> wanted;
  std::vector<Held> missing;
  for (const auto& table : request.snapshots_to_lease()) {
    TW_CO_ASSIGN_OR_RETURN(const auto access, FindLeased(call, table.table_id()));
    for (const auto& snapshot : table.bucket_snapshots()) {
      const TableBucket bucket = access.BucketOf(snapshot, snapshot.bucket_id());
      const bool is_one = access.CheckBucket(bucket.partition, bucket.bucket).ok();
      (is_one ? wanted : missing).push_back({bucket, snapshot.snapshot_id()});
    }
  }
  if (tablet::RowSnapshots* const snapshots = call.services.engine.snapshots()) {
    TW_CO_ASSIGN_OR_RETURN(const auto gone, co_await runtime::RunOn(call.services.pool, call.home, [&] {
                             return snapshots->Lease(request.lease_id(), request.lease_duration_ms(), wanted);
                           }));
    missing.insert(missing.end(), gone.begin(), gone.end());
  } else {
    missing.insert(missing.end(), wanted.begin(), wanted.end());
  }
  pb::AcquireKvSnapshotLeaseResponse response;
  Tell(missing, response);
  co_return MessageReply(call, response);
}

runtime::Task<arrow::Result<Reply>> HandleReleaseKvSnapshotLease(Call call) {
  pb::ReleaseKvSnapshotLeaseRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  std::vector<TableBucket> buckets;
  for (const auto& bucket : request.buckets_to_release()) {
    TW_CO_ASSIGN_OR_RETURN(const auto access, FindLeased(call, bucket.table_id()));
    buckets.push_back(access.BucketOf(bucket, bucket.bucket_id()));
  }
  if (tablet::RowSnapshots* const snapshots = call.services.engine.snapshots()) {
    TW_CO_RETURN_NOT_OK(co_await runtime::RunOn(
        call.services.pool, call.home, [&] { return snapshots->leases().Release(request.lease_id(), buckets); }));
  }
  co_return MessageReply(call, pb::ReleaseKvSnapshotLeaseResponse());
}

runtime::Task<arrow::Result<Reply>> HandleDropKvSnapshotLease(Call call) {
  pb::DropKvSnapshotLeaseRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  if (tablet::RowSnapshots* const snapshots = call.services.engine.snapshots()) {
    TW_CO_RETURN_NOT_OK(co_await runtime::RunOn(call.services.pool, call.home,
                                                [&] { return snapshots->leases().Drop(request.lease_id()); }));
  }
  co_return MessageReply(call, pb::DropKvSnapshotLeaseResponse());
}

}  // namespace thalweg::service
