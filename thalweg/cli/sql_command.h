#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "arrow/result.h"
#include "thalweg/cli/command.h"
#include "thalweg/client/connection.h"
#include "thalweg/sql/connection.h"
#include "thalweg/sql/engine.h"
#include "thalweg/sql/session.h"

namespace thalweg::cli {

/// SQL on a data directory that this process has for itself, for as long as it lives.
class SqlDirectory {
 public:
  virtual ~SqlDirectory() = default;
  virtual arrow::Result<std::unique_ptr<sql::Session>> OpenSession(sql::SessionOptions options) = 0;
};

/// Opens `data`, as a server with the configuration file `config` (empty: none) would, but without its listeners. STORAGE where a
/// server has it.
using OpenSqlDirectory =
    std::function<arrow::Result<std::unique_ptr<SqlDirectory>>(const std::string& data, const std::string& config)>;

/// Opens a connection to a server's Flight address. `time_ms_max` 0: a statement takes as long as the server lets it.
using OpenSqlServer = std::function<arrow::Result<std::unique_ptr<sql::Connection>>(
    const client::ConnectionOptions& server, const std::string& database, int64_t time_ms_max)>;

/// Adds `thalweg sql`.
void AddSqlCommand(CLI::App& app, Action* action, OpenSqlDirectory open_directory, OpenSqlServer open_server);

}  // namespace thalweg::cli
