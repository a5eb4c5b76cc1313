#pragma once

#include <memory>
#include <string>

#include "arrow/result.h"
#include "thalweg/cli/sql_command.h"

namespace thalweg::app {

/// A data directory, opened as a server would, for SQL alone (cli::OpenSqlDirectory).
arrow::Result<std::unique_ptr<cli::SqlDirectory>> OpenSqlDirectory(const std::string& data, const std::string& config);

}  // namespace thalweg::app
