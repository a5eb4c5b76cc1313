#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/flight/call.h"
#include "thalweg/flight/sql_door.h"
#include "thalweg/sql/answer.h"

namespace thalweg::flight {

/// A statement that a session of the caller's has understood.
struct ReadyStatement {
  SqlSessions::Lease lease;
  std::shared_ptr<sql::Statement> statement;
};

/// UNSUPPORTED_VERSION where there is no SQL here; INVALID_SCAN_REQUEST for a transaction, which there is not.
arrow::Status CheckSql(const Call& call, bool has_transaction);

/// A header that any call may have: the database that names without one mean. It goes before what USE has set.
inline constexpr const char* kDatabaseHeader = "thalweg-database";

/// Reads a statement, in a session for it.
arrow::Result<ReadyStatement> Prepare(const Call& call, const std::string& text);
/// Runs it, as long as its client is there. `parameters` null: none.
arrow::Result<sql::Answer> Run(const Call& call, ReadyStatement& ready,
                               const std::shared_ptr<arrow::RecordBatch>& parameters);

/// A token as clients are told it; empty where there is nothing to tell, or it takes more than `bytes_max`. `token` may be null.
std::string TokenText(const std::shared_ptr<const sql::StatementToken>& token, int64_t bytes_max);

}  // namespace thalweg::flight
