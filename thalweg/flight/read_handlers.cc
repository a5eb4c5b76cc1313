#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arrow/flight/server.h"
#include "arrow/type.h"
#include "proto/thalweg/flight/v1/flight.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/flight/envelope.h"
#include "thalweg/flight/handlers.h"
#include "thalweg/flight/read_request.h"
#include "thalweg/flight/sql_handlers.h"
#include "thalweg/flight/table_definition.h"
#include "thalweg/flight/table_stream.h"

namespace thalweg::flight {
namespace {

arrow::Result<v1::ReadTable> ReadOf(const Envelope& envelope) {
  v1::ReadTable read;
  if (envelope.name != read.GetTypeName()) {
    return Error(ErrorCode::kInvalidScanRequest, "{} is nothing to read by: {} is.", envelope.name, read.GetTypeName());
  }
  ARROW_RETURN_NOT_OK(ParseMessage(envelope.body, &read));
  return read;
}

arrow::Result<v1::ReadTable> ReadOf(const arrow::flight::FlightDescriptor& descriptor) {
  if (descriptor.type == arrow::flight::FlightDescriptor::CMD) {
    ARROW_ASSIGN_OR_RAISE(const auto envelope, OpenEnvelope(descriptor.cmd));
    return ReadOf(envelope);
  }
  ARROW_ASSIGN_OR_RAISE(const auto path, PathOf(descriptor));
  v1::ReadTable read;
  read.mutable_table()->set_database(path.database);
  read.mutable_table()->set_table(path.table);
  return read;
}

/// Where it is one of Flight SQL's commands.
std::optional<Envelope> SqlOf(const arrow::flight::FlightDescriptor& descriptor) {
  if (descriptor.type != arrow::flight::FlightDescriptor::CMD) return std::nullopt;
  auto envelope = OpenEnvelope(descriptor.cmd);
  return envelope.ok() && IsSql(*envelope) ? std::optional(std::move(*envelope)) : std::nullopt;
}

/// Of the rows that the request brings.
std::shared_ptr<arrow::Schema> SchemaOf(const query::ScanRequest& request) {
  const auto& all = request.table->arrow_schema();
  if (!request.columns) return all;
  arrow::FieldVector fields;
  for (const int position : *request.columns) fields.push_back(all->field(position));
  return arrow::schema(std::move(fields));
}

arrow::Result<arrow::flight::FlightInfo> InfoOf(const Call& call, const query::ScanRequest& request,
                                                const v1::ReadTable& read,
                                                const arrow::flight::FlightDescriptor& descriptor) {
  ARROW_ASSIGN_OR_RAISE(const auto parts, SplitRead(call, *request.table, read));
  std::vector<arrow::flight::FlightEndpoint> endpoints;
  endpoints.reserve(parts.size());
  for (const auto& part : parts) {
    // No location: where it was asked for.
    endpoints.push_back({arrow::flight::Ticket{SealEnvelope(part)}, {}, std::nullopt, {}});
  }
  return arrow::flight::FlightInfo::Make(SchemaOf(request), descriptor, endpoints, -1, -1, /*ordered=*/false);
}

}  // namespace

arrow::Result<std::unique_ptr<arrow::flight::FlightDataStream>> HandleGet(const Call& call,
                                                                          const arrow::flight::Ticket& ticket) {
  ARROW_ASSIGN_OR_RAISE(const auto envelope, OpenEnvelope(ticket.ticket));
  if (IsSql(envelope)) return HandleSqlGet(call, envelope);
  ARROW_ASSIGN_OR_RAISE(const auto read, ReadOf(envelope));
  // First, so that who may not read the table does not learn what is in it.
  ARROW_ASSIGN_OR_RAISE(auto request, ScanRequestOf(call, read));
  if (!read.at_least().empty()) {
    ARROW_RETURN_NOT_OK(call.WaitFor(
        read.at_least(), read.has_at_least_wait_ms() ? std::optional(read.at_least_wait_ms()) : std::nullopt));
    // As it is now: what was waited for may be in a partition that was not there before.
    ARROW_ASSIGN_OR_RAISE(request, ScanRequestOf(call, read));
  }
  const bool follows = request.follow;
  ARROW_ASSIGN_OR_RAISE(auto scan, call.services.Wait([&](runtime::Executor& home) {
    return query::Scan::Open(call.session, std::move(request), home);
  }));
  return std::make_unique<TableStream>(call, std::move(scan), follows);
}

arrow::Result<std::unique_ptr<arrow::flight::FlightInfo>> HandleGetFlightInfo(
    const Call& call, const arrow::flight::FlightDescriptor& descriptor) {
  if (const auto sql = SqlOf(descriptor)) return HandleSqlFlightInfo(call, *sql, descriptor);
  ARROW_ASSIGN_OR_RAISE(const auto read, ReadOf(descriptor));
  ARROW_ASSIGN_OR_RAISE(const auto request, ScanRequestOf(call, read));
  ARROW_ASSIGN_OR_RAISE(auto info, InfoOf(call, request, read, descriptor));
  return std::make_unique<arrow::flight::FlightInfo>(std::move(info));
}

arrow::Result<std::unique_ptr<arrow::flight::SchemaResult>> HandleGetSchema(
    const Call& call, const arrow::flight::FlightDescriptor& descriptor) {
  if (const auto sql = SqlOf(descriptor)) return HandleSqlSchema(call, *sql);
  ARROW_ASSIGN_OR_RAISE(const auto read, ReadOf(descriptor));
  ARROW_ASSIGN_OR_RAISE(const auto request, ScanRequestOf(call, read));
  return arrow::flight::SchemaResult::Make(*SchemaOf(request));
}

arrow::Result<std::unique_ptr<arrow::flight::FlightListing>> HandleListFlights(
    const Call& call, const arrow::flight::Criteria* criteria) {
  std::vector<std::string> databases;
  if (criteria && !criteria->expression.empty()) {
    databases.push_back(criteria->expression);
  } else {
    for (const auto& database : call.session.ListDatabasesOfTables()) databases.push_back(database->name);
  }
  std::vector<arrow::flight::FlightInfo> flights;
  for (const auto& database : databases) {
    ARROW_ASSIGN_OR_RAISE(const auto tables, call.session.ListTables(database));
    for (const auto& table : tables) {
      const auto found = call.session.FindTable(table->path);
      if (!found.ok()) continue;  // gone since
      query::ScanRequest request;
      request.table = *found;
      v1::ReadTable read;
      read.mutable_table()->set_database(table->path.database);
      read.mutable_table()->set_table(table->path.table);
      const auto descriptor = arrow::flight::FlightDescriptor::Path({table->path.database, table->path.table});
      ARROW_ASSIGN_OR_RAISE(auto info, InfoOf(call, request, read, descriptor));
      flights.push_back(std::move(info));
    }
  }
  return std::make_unique<arrow::flight::SimpleFlightListing>(std::move(flights));
}

}  // namespace thalweg::flight
