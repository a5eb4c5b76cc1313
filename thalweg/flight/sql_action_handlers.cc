#include <string>
#include <utility>
#include <vector>

#include "arrow/buffer.h"
#include "arrow/flight/server.h"
#include "arrow/ipc/writer.h"
#include "arrow/type.h"
#include "proto/arrow/flight/protocol/sql.pb.h"
#include "proto/sql_handle.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/flight/sql_handlers.h"
#include "thalweg/flight/sql_statements.h"
#include "thalweg/sql/session.h"

namespace thalweg::flight {
namespace {

namespace sql_pb = ::arrow::flight::protocol::sql;
using arrow::flight::ActionType;
using Results = std::vector<arrow::flight::Result>;

constexpr const char* kCreatePrepared = "CreatePreparedStatement";
constexpr const char* kClosePrepared = "ClosePreparedStatement";
constexpr const char* kCancelQuery = "CancelQuery";

Results One(std::string bytes) {
  Results results;
  results.push_back(arrow::flight::Result{arrow::Buffer::FromString(std::move(bytes))});
  return results;
}

template <typename Message>
arrow::Result<Message> Open(std::string_view body) {
  Message message;
  ARROW_ASSIGN_OR_RAISE(const auto envelope, OpenEnvelope(body));
  ARROW_RETURN_NOT_OK(ParseMessage(envelope.body, &message));
  return message;
}

arrow::Result<std::string> SchemaText(const arrow::Schema& schema) {
  if (schema.num_fields() == 0) return std::string();
  ARROW_ASSIGN_OR_RAISE(const auto bytes, arrow::ipc::SerializeSchema(schema));
  return bytes->ToString();
}

arrow::Result<Results> CreatePrepared(const Call& call, std::string_view body) {
  ARROW_ASSIGN_OR_RAISE(const auto request, Open<sql_pb::ActionCreatePreparedStatementRequest>(body));
  ARROW_RETURN_NOT_OK(CheckSql(call, request.has_transaction_id()));
  ARROW_ASSIGN_OR_RAISE(const auto ready, Prepare(call, request.query()));
  sql_pb::ActionCreatePreparedStatementResult result;
  // No columns: clients take it for a statement that changes something.
  if (ready.statement->kind() == sql::StatementKind::kQuery) {
    ARROW_ASSIGN_OR_RAISE(*result.mutable_dataset_schema(), SchemaText(*ready.statement->columns()));
  }
  ARROW_ASSIGN_OR_RAISE(*result.mutable_parameter_schema(), SchemaText(*ready.statement->parameters()));
  ARROW_ASSIGN_OR_RAISE(*result.mutable_prepared_statement_handle(),
                        call.services.sql->prepared.Add({request.query(), call.session.asker().principal}));
  return One(SealEnvelope(result));
}

arrow::Result<Results> ClosePrepared(const Call& call, std::string_view body) {
  ARROW_ASSIGN_OR_RAISE(const auto request, Open<sql_pb::ActionClosePreparedStatementRequest>(body));
  ARROW_RETURN_NOT_OK(CheckSql(call, false));
  call.services.sql->prepared.Remove(request.prepared_statement_handle(), call.session.asker().principal);
  return Results();
}

/// Whether the query that the info is of was running, and is not any more.
arrow::Result<bool> Cancel(const Call& call, const arrow::flight::FlightInfo& info) {
  ARROW_RETURN_NOT_OK(CheckSql(call, false));
  bool cancelled = false;
  for (const auto& endpoint : info.endpoints()) {
    const auto envelope = OpenEnvelope(endpoint.ticket.ticket);
    sql_pb::TicketStatementQuery ticket;
    pb::SqlHandle handle;
    // The id is a secret: who shows it was given it.
    if (envelope.ok() && envelope->name == ticket.GetTypeName() && ParseMessage(envelope->body, &ticket).ok() &&
        ParseMessage(ticket.statement_handle(), &handle).ok() && call.services.sql->running.Cancel(handle.id())) {
      cancelled = true;
    }
  }
  return cancelled;
}

arrow::Result<Results> CancelQuery(const Call& call, std::string_view body) {
  ARROW_ASSIGN_OR_RAISE(const auto request, Open<sql_pb::ActionCancelQueryRequest>(body));
  ARROW_ASSIGN_OR_RAISE(const auto info, arrow::flight::FlightInfo::Deserialize(request.info()));
  ARROW_ASSIGN_OR_RAISE(const bool cancelled, Cancel(call, *info));
  sql_pb::ActionCancelQueryResult result;
  result.set_result(cancelled ? sql_pb::ActionCancelQueryResult::CANCEL_RESULT_CANCELLED
                              : sql_pb::ActionCancelQueryResult::CANCEL_RESULT_NOT_CANCELLABLE);
  return One(SealEnvelope(result));
}

arrow::Result<Results> CancelFlightInfo(const Call& call, std::string_view body) {
  ARROW_ASSIGN_OR_RAISE(const auto request, arrow::flight::CancelFlightInfoRequest::Deserialize(body));
  ARROW_ASSIGN_OR_RAISE(const bool cancelled, Cancel(call, *request.info));
  const arrow::flight::CancelFlightInfoResult result(cancelled ? arrow::flight::CancelStatus::kCancelled
                                                               : arrow::flight::CancelStatus::kNotCancellable);
  ARROW_ASSIGN_OR_RAISE(auto bytes, result.SerializeToString());
  return One(std::move(bytes));
}

arrow::Result<Results> CloseSession(const Call& call, std::string_view) {
  if (call.services.sql) call.services.sql->sessions.Close(call.context.peer());
  const arrow::flight::CloseSessionResult result(arrow::flight::CloseSessionStatus::kClosed);
  ARROW_ASSIGN_OR_RAISE(auto bytes, result.SerializeToString());
  return One(std::move(bytes));
}

struct KnownAction {
  std::string name;
  std::string does;
  arrow::Result<Results> (*run)(const Call& call, std::string_view body);
};

const std::vector<KnownAction>& KnownActions() {
  static const std::vector<KnownAction> actions{
      {kCreatePrepared, "Flight SQL: prepares a statement.", CreatePrepared},
      {kClosePrepared, "Flight SQL: forgets a prepared statement.", ClosePrepared},
      {kCancelQuery, "Flight SQL: ends a query.", CancelQuery},
      {ActionType::kCancelFlightInfo.type, "Ends a query of Flight SQL.", CancelFlightInfo},
      {ActionType::kCloseSession.type, "Forgets what this connection has set.", CloseSession},
  };
  return actions;
}

}  // namespace

std::vector<ActionType> ListSqlActions() {
  std::vector<ActionType> types;
  for (const auto& action : KnownActions()) types.emplace_back(action.name, action.does);
  return types;
}

arrow::Result<std::optional<Results>> HandleSqlAction(const Call& call, const arrow::flight::Action& action) {
  for (const auto& known : KnownActions()) {
    if (known.name == action.type) return known.run(call, action.body ? std::string_view(*action.body) : "");
  }
  return std::nullopt;
}

}  // namespace thalweg::flight
