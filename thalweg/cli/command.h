#pragma once

#include <functional>

#include "arrow/status.h"

namespace CLI {
class App;
}

namespace thalweg::cli {

/// What the command line asks for: set while it is read, run once all of it has been understood.
using Action = std::function<arrow::Status()>;

/// Adds every command of this folder to `app`. The one that is chosen sets `*action`; both outlive the reading.
void AddCommands(CLI::App& app, Action* action);

void AddTableCommand(CLI::App& app, Action* action);
void AddProduceCommand(CLI::App& app, Action* action);
void AddConsumeCommand(CLI::App& app, Action* action);
void AddLookupCommand(CLI::App& app, Action* action);
void AddVerifyCommand(CLI::App& app, Action* action);

}  // namespace thalweg::cli
