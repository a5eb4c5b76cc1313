#pragma once

#include <string>

namespace thalweg::cli {

/// docs/table_options.md: every option of a table, in Markdown. `thalweg table options` prints it, and a test holds the file
/// against it.
std::string TableOptionPage();

}  // namespace thalweg::cli
