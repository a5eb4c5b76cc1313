#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "arrow/result.h"
#include "thalweg/client/connection.h"
#include "thalweg/sql/connection.h"

namespace thalweg::app {

/// SQL on a server, over Flight SQL (cli::OpenSqlServer).
arrow::Result<std::unique_ptr<sql::Connection>> OpenSqlServer(const client::ConnectionOptions& server,
                                                              const std::string& database, int64_t time_ms_max);

}  // namespace thalweg::app
