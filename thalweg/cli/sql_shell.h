#pragma once

#include <string_view>

#include "arrow/status.h"
#include "thalweg/cli/output.h"
#include "thalweg/cli/row_source.h"
#include "thalweg/sql/session.h"

namespace thalweg::cli {

/// Runs one statement and writes what it gives: rows in `format`; else, in a table's place, how many rows were changed.
arrow::Status RunSqlStatement(sql::Connection& connection, std::string_view statement, RowFormat format,
                              Output& output);

/// Reads statements from the terminal until its end or `.quit`: lines with history and completion, a statement ends with a semicolon.
/// What goes wrong is shown, and the next statement asked for. `.help` lists what begins with a dot.
arrow::Status RunSqlShell(sql::Connection& connection, RowFormat format, Output& output);

}  // namespace thalweg::cli
