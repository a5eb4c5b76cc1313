#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "arrow/result.h"
#include "thalweg/net/listener.h"
#include "thalweg/sql/connection.h"

namespace thalweg::flight {

struct SqlClientOptions {
  net::Address server{"127.0.0.1", 9130};
  /// An empty user asks for no authentication. Never printed.
  std::string user{};
  std::string password{};
  /// Speaks TLS where it is there: certificates, PEM, one of which vouches for the server; empty: those that gRPC finds.
  std::optional<std::string> authorities{};
  std::string database = "fluss";
  int64_t time_ms_max = 0;  ///< of one statement, the reading of its rows included; 0: as long as the server lets it
};

/// Speaks Flight SQL with a server. Statements that give rows are read as they come; what the server keeps of the session (temporary
/// tables, the time zone) it forgets when the session has waited for some minutes, the current database not.
///
/// Errors: the server's own carry its code and words; NETWORK where no server answers, AUTHENTICATE, REQUEST_TIME_OUT;
/// arrow::Status::Cancelled after Cancel.
/// Thread safety: as sql::Connection has it.
class SqlClient : public sql::Connection {
 public:
  /// Asks the server something, to see that it is one and lets the user in.
  static arrow::Result<std::unique_ptr<SqlClient>> Open(SqlClientOptions options);
};

}  // namespace thalweg::flight
