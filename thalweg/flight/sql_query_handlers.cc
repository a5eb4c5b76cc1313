#include <string>
#include <utility>
#include <vector>

#include "arrow/array/builder_primitive.h"
#include "arrow/flight/server.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "proto/arrow/flight/protocol/sql.pb.h"
#include "proto/sql_handle.pb.h"
#include "proto/thalweg/flight/v1/flight.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/flight/flight_status.h"
#include "thalweg/flight/sql_handlers.h"
#include "thalweg/flight/sql_metadata.h"
#include "thalweg/flight/sql_statements.h"
#include "thalweg/flight/sql_stream.h"
#include "thalweg/runtime/random.h"

namespace thalweg::flight {
namespace {

namespace sql_pb = ::arrow::flight::protocol::sql;
using arrow::flight::FlightInfo;

constexpr std::string_view kPackage = "arrow.flight.protocol.sql.";
constexpr size_t kIdBytes = 8;

/// Of what gives no rows.
std::shared_ptr<arrow::Schema> CountSchema() { return arrow::schema({arrow::field("Count", arrow::int64())}); }

arrow::Result<std::shared_ptr<arrow::RecordBatch>> CountRow(int64_t count) {
  arrow::Int64Builder builder;
  ARROW_RETURN_NOT_OK(builder.Append(count));
  ARROW_ASSIGN_OR_RAISE(auto column, builder.Finish());
  return arrow::RecordBatch::Make(CountSchema(), 1, {std::move(column)});
}

arrow::Result<std::unique_ptr<arrow::flight::FlightDataStream>> CountStream(const Call& call, int64_t count,
                                                                            std::string token) {
  ARROW_ASSIGN_OR_RAISE(auto row, CountRow(count));
  ARROW_ASSIGN_OR_RAISE(auto reader, arrow::RecordBatchReader::Make({std::move(row)}, CountSchema()));
  return std::make_unique<SqlStream>(call, std::move(reader), std::move(token));
}

arrow::Result<std::unique_ptr<FlightInfo>> InfoOf(const std::shared_ptr<arrow::Schema>& schema, std::string ticket,
                                                  const arrow::flight::FlightDescriptor& descriptor,
                                                  std::string metadata = "") {
  const std::vector<arrow::flight::FlightEndpoint> endpoints{
      {arrow::flight::Ticket{std::move(ticket)}, {}, std::nullopt, {}}};
  ARROW_ASSIGN_OR_RAISE(auto info, FlightInfo::Make(schema, descriptor, endpoints, -1, -1, false, std::move(metadata)));
  return std::make_unique<FlightInfo>(std::move(info));
}

std::string TicketOf(pb::SqlHandle handle) {
  handle.set_id(runtime::SecretText(kIdBytes));
  sql_pb::TicketStatementQuery ticket;
  ticket.set_statement_handle(handle.SerializeAsString());
  return SealEnvelope(ticket);
}

/// What a command is about: a text, and parameters where they have been bound.
struct Wanted {
  std::string text;
  std::shared_ptr<arrow::RecordBatch> parameters;
  pb::SqlHandle handle;  ///< to find it by again
};

arrow::Result<Wanted> WantedPrepared(const Call& call, const std::string& handle) {
  ARROW_ASSIGN_OR_RAISE(const auto prepared, call.services.sql->prepared.Find(handle, call.session.asker().principal));
  Wanted wanted{prepared->text, prepared->parameters, {}};
  wanted.handle.set_prepared(handle);
  return wanted;
}

arrow::Result<Wanted> WantedOf(const Call& call, const Envelope& command) {
  if (command.name == sql_pb::CommandPreparedStatementQuery().GetTypeName()) {
    ARROW_RETURN_NOT_OK(CheckSql(call, false));
    sql_pb::CommandPreparedStatementQuery message;
    ARROW_RETURN_NOT_OK(ParseMessage(command.body, &message));
    return WantedPrepared(call, message.prepared_statement_handle());
  }
  sql_pb::CommandStatementQuery message;
  if (command.name != message.GetTypeName()) {
    return Error(ErrorCode::kUnsupportedVersion, "{} is not answered in this version.", command.name);
  }
  ARROW_RETURN_NOT_OK(ParseMessage(command.body, &message));
  ARROW_RETURN_NOT_OK(CheckSql(call, message.has_transaction_id()));
  Wanted wanted{message.query(), nullptr, {}};
  wanted.handle.set_text(message.query());
  return wanted;
}

arrow::Result<std::unique_ptr<arrow::flight::FlightDataStream>> Begin(const Call& call, const Wanted& wanted,
                                                                      const std::string& id) {
  ARROW_ASSIGN_OR_RAISE(auto ready, Prepare(call, wanted.text));
  sql::Session* session = &*ready.lease;
  auto& queries = call.services.sql->running;
  auto running = queries.Add(id, [session] { session->Cancel(); });
  const auto cancelled = [&] { return queries.IsCancelled(id) ? CallCancelled() : arrow::Status::OK(); };
  ARROW_RETURN_NOT_OK(cancelled());
  ARROW_ASSIGN_OR_RAISE(auto answer, Run(call, ready, wanted.parameters));
  if (answer.rows) {
    ARROW_RETURN_NOT_OK(cancelled());  // it may have come too early for the session to see
    return std::make_unique<SqlStream>(call, std::move(ready.lease), std::move(ready.statement), std::move(answer),
                                       std::move(running));
  }
  return CountStream(call, answer.changed_rows, TokenText(answer.token, call.services.limits.message_bytes));
}

arrow::Result<std::unique_ptr<arrow::flight::FlightDataStream>> Fetch(const Call& call, const pb::SqlHandle& handle) {
  if (handle.has_count()) return CountStream(call, handle.count(), handle.token());
  if (handle.prepared().empty()) return Begin(call, Wanted{handle.text(), nullptr, {}}, handle.id());
  ARROW_ASSIGN_OR_RAISE(const auto wanted, WantedPrepared(call, handle.prepared()));
  return Begin(call, wanted, handle.id());
}

v1::StatementInfo::Kind KindOf(sql::StatementKind kind) {
  switch (kind) {
    case sql::StatementKind::kQuery:
      return v1::StatementInfo::QUERY;
    case sql::StatementKind::kChange:
      return v1::StatementInfo::CHANGE;
    case sql::StatementKind::kDefinition:
      return v1::StatementInfo::DEFINITION;
    case sql::StatementKind::kSession:
      break;
  }
  return v1::StatementInfo::SESSION;
}

std::string StatementInfoOf(const ReadyStatement& ready, int64_t changed_rows) {
  v1::StatementInfo info;
  info.set_kind(KindOf(ready.statement->kind()));
  info.set_changed_rows(changed_rows);
  info.set_database(ready.lease->database());
  return info.SerializeAsString();
}

}  // namespace

bool IsSql(const Envelope& envelope) { return envelope.name.starts_with(kPackage); }

arrow::Result<std::unique_ptr<FlightInfo>> HandleSqlFlightInfo(const Call& call, const Envelope& command,
                                                               const arrow::flight::FlightDescriptor& descriptor) {
  ARROW_ASSIGN_OR_RAISE(const auto metadata, SqlMetadata(call, command));
  if (metadata) return InfoOf((*metadata)->schema(), descriptor.cmd, descriptor);
  ARROW_ASSIGN_OR_RAISE(auto wanted, WantedOf(call, command));
  ARROW_ASSIGN_OR_RAISE(auto ready, Prepare(call, wanted.text));
  if (ready.statement->kind() == sql::StatementKind::kQuery) {
    // It runs when its rows are asked for, and not at all where they are not.
    return InfoOf(ready.statement->columns(), TicketOf(std::move(wanted.handle)), descriptor,
                  StatementInfoOf(ready, 0));
  }
  // All else is done now: many clients never ask for rows of what has none.
  ARROW_ASSIGN_OR_RAISE(const auto answer, Run(call, ready, wanted.parameters));
  pb::SqlHandle done;
  done.set_count(answer.changed_rows);
  done.set_token(TokenText(answer.token, call.services.limits.message_bytes));
  return InfoOf(CountSchema(), TicketOf(std::move(done)), descriptor, StatementInfoOf(ready, answer.changed_rows));
}

arrow::Result<std::unique_ptr<arrow::flight::SchemaResult>> HandleSqlSchema(const Call& call, const Envelope& command) {
  ARROW_ASSIGN_OR_RAISE(const auto metadata, SqlMetadata(call, command));
  if (metadata) return arrow::flight::SchemaResult::Make(*(*metadata)->schema());
  ARROW_ASSIGN_OR_RAISE(const auto wanted, WantedOf(call, command));
  ARROW_ASSIGN_OR_RAISE(const auto ready, Prepare(call, wanted.text));
  const bool query = ready.statement->kind() == sql::StatementKind::kQuery;
  return arrow::flight::SchemaResult::Make(query ? *ready.statement->columns() : *CountSchema());
}

arrow::Result<std::unique_ptr<arrow::flight::FlightDataStream>> HandleSqlGet(const Call& call, const Envelope& ticket) {
  ARROW_ASSIGN_OR_RAISE(auto metadata, SqlMetadata(call, ticket));
  if (metadata) {
    const auto schema = (*metadata)->schema();
    ARROW_ASSIGN_OR_RAISE(auto reader, arrow::RecordBatchReader::Make({std::move(*metadata)}, schema));
    return std::make_unique<SqlStream>(call, std::move(reader));
  }
  ARROW_RETURN_NOT_OK(CheckSql(call, false));
  sql_pb::TicketStatementQuery query;
  if (ticket.name != query.GetTypeName()) {
    ARROW_ASSIGN_OR_RAISE(const auto wanted, WantedOf(call, ticket));
    return Begin(call, wanted, runtime::SecretText(kIdBytes));
  }
  ARROW_RETURN_NOT_OK(ParseMessage(ticket.body, &query));
  pb::SqlHandle handle;
  ARROW_RETURN_NOT_OK(ParseMessage(query.statement_handle(), &handle));
  return Fetch(call, handle);
}

}  // namespace thalweg::flight
