#include "thalweg/service/access_checks.h"

#include <algorithm>

#include "proto/fluss.pb.h"
#include "proto/fluss_admin.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/security/access_policy.h"
#include "thalweg/service/services.h"
#include "thalweg/tablet/engine.h"
#include "thalweg/tablet/row_snapshots.h"
#include "thalweg/wire/lookup.h"
#include "thalweg/wire/produce_log.h"
#include "thalweg/wire/put_kv.h"
#include "thalweg/wire/scan_kv.h"

namespace thalweg::service {

using security::Operation;

arrow::Status NeedsDropDatabase(const Call& call) {
  pb::DropDatabaseRequest request;
  ARROW_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  ARROW_RETURN_NOT_OK(Require(call, Operation::kDrop, security::Resource::Database(request.database_name())));
  const auto* policy = call.services.policy;
  if (!policy || policy->deny.empty() || !request.cascade()) return arrow::Status::OK();
  const auto database = call.services.catalog.view()->FindDatabase(request.database_name());
  if (!database) return arrow::Status::OK();
  arrow::Status status;
  database->tables.ForEach([&](const std::string&, const catalog::TablePtr& table) {
    if (status.ok() && policy->Denies(call.connection.asker, Operation::kDrop, ResourceOf(*table))) {
      status = Require(call, Operation::kDrop, ResourceOf(*table));
    }
  });
  return status;
}

arrow::Status NeedsProduceLog(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const auto request, wire::DecodeProduceLogRequest(call.request.body));
  return RequireOnTable(call, Operation::kWrite, request.table);
}

arrow::Status NeedsPutKv(const Call& call) {
  if (!call.services.policy) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto request, wire::DecodePutKvRequest(call.request.body));
  return RequireOnTable(call, Operation::kWrite, request.table);
}

arrow::Status NeedsLookup(const Call& call) {
  if (!call.services.policy) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto request, wire::DecodeLookupRequest(call.request.body));
  return RequireOnTable(call, request.insert_if_not_exists ? Operation::kWrite : Operation::kRead, request.table);
}

arrow::Status NeedsScanKv(const Call& call) {
  if (!call.services.policy) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto request, wire::DecodeScanKvRequest(call.request.body));
  if (request.open) ARROW_RETURN_NOT_OK(RequireOnTable(call, Operation::kRead, request.open->table));
  if (!request.scanner_id) return arrow::Status::OK();
  const auto bucket = call.services.engine.BucketOfScan(std::string(*request.scanner_id));
  // Of a scan that there is not, everybody may know it.
  return bucket ? RequireOnTable(call, Operation::kRead, bucket->table) : arrow::Status::OK();
}

arrow::Status NeedsInitWriter(const Call& call) {
  pb::InitWriterRequest request;
  ARROW_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  const auto writable = [&](const pb::PbTablePath& path) {
    return MayDo(call, Operation::kWrite, ResourceOf(PathOf(path)));
  };
  if (!call.services.policy || std::ranges::any_of(request.table_path(), writable)) return arrow::Status::OK();
  return Error(ErrorCode::kAuthorization, "{} has no right to WRITE any of the tables that the request names.",
               call.connection.asker.principal.ToString());
}

arrow::Status NeedsRegisterProducerOffsets(const Call& call) {
  if (!call.services.policy) return arrow::Status::OK();
  pb::RegisterProducerOffsetsRequest request;
  ARROW_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  for (const auto& table : request.table_offsets()) {
    ARROW_RETURN_NOT_OK(RequireOnTable(call, Operation::kWrite, TableId(table.table_id())));
  }
  if (request.table_offsets_size() > 0) return arrow::Status::OK();
  return Error(ErrorCode::kAuthorization, "The request names no table, so {} can have no right to it.",
               call.connection.asker.principal.ToString());
}

arrow::Status NeedsAcquireLease(const Call& call) {
  if (!call.services.policy) return arrow::Status::OK();
  pb::AcquireKvSnapshotLeaseRequest request;
  ARROW_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  for (const auto& table : request.snapshots_to_lease()) {
    ARROW_RETURN_NOT_OK(RequireOnTable(call, Operation::kRead, TableId(table.table_id())));
  }
  return arrow::Status::OK();
}

arrow::Status NeedsReleaseLease(const Call& call) {
  if (!call.services.policy) return arrow::Status::OK();
  pb::ReleaseKvSnapshotLeaseRequest request;
  ARROW_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  for (const auto& bucket : request.buckets_to_release()) {
    ARROW_RETURN_NOT_OK(RequireOnTable(call, Operation::kRead, TableId(bucket.table_id())));
  }
  return arrow::Status::OK();
}

arrow::Status NeedsDropLease(const Call& call) {
  const auto* snapshots = call.services.engine.snapshots();
  if (!call.services.policy || !snapshots) return arrow::Status::OK();
  pb::DropKvSnapshotLeaseRequest request;
  ARROW_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  const auto view = call.services.catalog.view();
  for (const TableId id : snapshots->leases().TablesOf(request.lease_id())) {
    const auto table = view->FindTable(id);
    if (table) ARROW_RETURN_NOT_OK(Require(call, Operation::kRead, ResourceOf(*table)));
  }
  return arrow::Status::OK();
}

arrow::Status NeedsSomeTable(const Call& call) {
  if (!call.services.policy) return arrow::Status::OK();
  for (const auto& table : call.services.catalog.view()->ListAllTables()) {
    if (MayDo(call, Operation::kRead, ResourceOf(*table))) return arrow::Status::OK();
  }
  return Error(ErrorCode::kAuthorization, "{} has no right to READ any table.",
               call.connection.asker.principal.ToString());
}

}  // namespace thalweg::service
