#pragma once

#include <memory>
#include <optional>
#include <string>

#include "arrow/flight/server.h"
#include "arrow/result.h"
#include "thalweg/flight/call.h"
#include "thalweg/flight/sql_door.h"
#include "thalweg/sql/answer.h"
#include "thalweg/sql/session.h"

namespace thalweg::flight {

/// Rows of a query, or of something that is known already, as messages; where there is a token, a last one without rows has it. Lives no longer than the call. Thread safety: none.
class SqlStream final : public arrow::flight::FlightDataStream {
 public:
  /// A query that has begun; `running` is what it can be cancelled by.
  SqlStream(const Call& call, SqlSessions::Lease lease, std::shared_ptr<sql::Statement> statement, sql::Answer answer,
            RunningQueries::Entry running);
  /// Rows that are there.
  SqlStream(const Call& call, std::shared_ptr<arrow::RecordBatchReader> rows, std::string token = {});
  ~SqlStream() override;

  std::shared_ptr<arrow::Schema> schema() override;
  arrow::Result<arrow::flight::FlightPayload> GetSchemaPayload() override;
  arrow::Result<arrow::flight::FlightPayload> Next() override;
  arrow::Status Close() override;

 private:
  arrow::Result<arrow::flight::FlightPayload> Payload();
  arrow::Result<arrow::flight::FlightPayload> Last();

  const int64_t message_bytes_;
  // In the order in which they are needed: the rows end before the statement, and that before the session.
  std::optional<SqlSessions::Lease> lease_;
  std::shared_ptr<sql::Statement> statement_;
  std::shared_ptr<arrow::RecordBatchReader> rows_;
  std::shared_ptr<const sql::StatementToken> statement_token_;
  std::string token_;
  std::optional<RunningQueries::Entry> running_;
  CallWatch::Entry entry_;

  std::shared_ptr<arrow::RecordBatch> batch_;  ///< what is being sent
  int64_t sent_rows_ = 0;
  int64_t rows_at_a_time_ = 0;
  bool ended_ = false;
};

}  // namespace thalweg::flight
