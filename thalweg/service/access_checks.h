#pragma once

#include "arrow/status.h"
#include "thalweg/service/access.h"
#include "thalweg/service/call.h"
#include "thalweg/service/table_access.h"
#include "thalweg/wire/frame.h"

namespace thalweg::service {

/// What a request needs before its handler is called, where there is an access policy. It stands beside the handler in the
/// API table, which does not compile without it. The request is decoded as the handler decodes it, so that both see the
/// same names. AUTHORIZATION where the right is missing.
using AccessCheck = arrow::Status (*)(const Call& call);

/// Anybody may ask.
inline arrow::Status NeedsNothing(const Call&) { return arrow::Status::OK(); }
/// The answer depends on the rights of the one who asks: the handler calls MayDo or Require for each part of it.
inline arrow::Status ChecksInHandler(const Call&) { return arrow::Status::OK(); }

template <security::Operation operation>
arrow::Status NeedsCluster(const Call& call) {
  return Require(call, operation, security::Resource::Cluster());
}

/// On the database of the request's `database_name`.
template <typename Request, security::Operation operation>
arrow::Status NeedsDatabase(const Call& call) {
  Request request;
  ARROW_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  return Require(call, operation, security::Resource::Database(request.database_name()));
}

/// On the database of the request's `table_path`.
template <typename Request, security::Operation operation>
arrow::Status NeedsDatabaseOfTable(const Call& call) {
  Request request;
  ARROW_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  return Require(call, operation, security::Resource::Database(request.table_path().database_name()));
}

/// On the table of the request's `table_path`, whether it exists or not.
template <typename Request, security::Operation operation>
arrow::Status NeedsTable(const Call& call) {
  Request request;
  ARROW_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  return Require(call, operation, ResourceOf(PathOf(request.table_path())));
}

/// On the table of the request's `table_id`.
template <typename Request, security::Operation operation>
arrow::Status NeedsTableOfId(const Call& call) {
  Request request;
  ARROW_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  return RequireOnTable(call, operation, TableId(request.table_id()));
}

/// DROP on the database. With cascade, no deny rule may protect one of its tables.
arrow::Status NeedsDropDatabase(const Call& call);
/// WRITE on the table.
arrow::Status NeedsProduceLog(const Call& call);
arrow::Status NeedsPutKv(const Call& call);
/// READ on the table; WRITE where it is to insert what it does not find.
arrow::Status NeedsLookup(const Call& call);
/// READ on the table, also of a scan that was begun before.
arrow::Status NeedsScanKv(const Call& call);
/// WRITE on one of the tables.
arrow::Status NeedsInitWriter(const Call& call);
/// WRITE on all tables, of which there must be one.
arrow::Status NeedsRegisterProducerOffsets(const Call& call);
/// READ on each of the tables; to drop a lease, on those that it is about and that still are there.
arrow::Status NeedsAcquireLease(const Call& call);
arrow::Status NeedsReleaseLease(const Call& call);
arrow::Status NeedsDropLease(const Call& call);
/// READ on some table.
arrow::Status NeedsSomeTable(const Call& call);

}  // namespace thalweg::service
