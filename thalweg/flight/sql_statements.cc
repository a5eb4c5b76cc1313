#include "thalweg/flight/sql_statements.h"

#include <string>
#include <utility>

#include "arrow/flight/server.h"
#include "arrow/record_batch.h"
#include "thalweg/base/error.h"
#include "thalweg/flight/flight_status.h"
#include "thalweg/sql/session.h"

namespace thalweg::flight {

arrow::Status CheckSql(const Call& call, bool has_transaction) {
  if (!call.services.sql) return Error(ErrorCode::kUnsupportedVersion, "This server answers no SQL.");
  if (!has_transaction) return arrow::Status::OK();
  return Error(ErrorCode::kInvalidScanRequest, "There are no transactions: each statement is one of its own.");
}

arrow::Result<ReadyStatement> Prepare(const Call& call, const std::string& text) {
  // Who has a connection to himself has a session to himself.
  ARROW_ASSIGN_OR_RAISE(auto lease, call.services.sql->sessions.Take(call.context.peer(), call.session.asker()));
  const auto& headers = call.context.incoming_headers();
  if (const auto told = headers.find(kDatabaseHeader); told != headers.end() && lease->database() != told->second) {
    lease.Claim();
    ARROW_RETURN_NOT_OK(lease->UseDatabase(std::string(told->second)));
  }
  ARROW_ASSIGN_OR_RAISE(auto statement, lease->Prepare(text));
  return ReadyStatement{std::move(lease), std::move(statement)};
}

arrow::Result<sql::Answer> Run(const Call& call, ReadyStatement& ready,
                               const std::shared_ptr<arrow::RecordBatch>& parameters) {
  sql::Session* session = &*ready.lease;
  const auto entry = call.services.watch.Watch(call.context, [session](const arrow::Status&) { session->Cancel(); });
  ARROW_RETURN_NOT_OK(entry.why());  // where the server stops already
  if (ready.statement->kind() == sql::StatementKind::kSession) ready.lease.Claim();
  auto answer = ready.statement->Execute(parameters);
  const arrow::Status why = entry.why();
  return why.ok() ? std::move(answer) : why;
}

std::string TokenText(const std::shared_ptr<const sql::StatementToken>& token, int64_t bytes_max) {
  std::string text = token ? token->Get().ToString() : std::string();
  if (static_cast<int64_t>(text.size()) > bytes_max) text.clear();
  return text;
}

}  // namespace thalweg::flight
