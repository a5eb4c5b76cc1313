#include "thalweg/cli/command.h"

#include <CLI/CLI.hpp>

namespace thalweg::cli {

void AddCommands(CLI::App& app, Action* action) {
  AddTableCommand(app, action);
  AddProduceCommand(app, action);
  AddConsumeCommand(app, action);
  AddLookupCommand(app, action);
  AddVerifyCommand(app, action);
  for (const char* name : {"table", "produce", "consume", "lookup"}) app.get_subcommand(name)->group("Data");
  app.get_subcommand("verify")->group("Server");
}

}  // namespace thalweg::cli
