#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "thalweg/app/config_page.h"
#include "thalweg/app/doctor.h"
#include "thalweg/app/serve.h"
#include "thalweg/app/serve_options.h"
#include "thalweg/app/sql_directory.h"
#include "thalweg/app/sql_server.h"
#include "thalweg/base/error.h"
#include "thalweg/base/nearest_name.h"
#include "thalweg/cli/command.h"
#include "thalweg/cli/sql_command.h"
#include "thalweg/io/file_system.h"
#include "thalweg/io/object_store.h"
#include "thalweg/io/posix_file_system.h"
#include "thalweg/runtime/signals.h"

namespace thalweg::app {
namespace {

/// The text of `thalweg serve`, before it is checked.
struct ServeArguments {
  std::string data;
  std::string config;
  std::string listen;
  std::string flight;
  std::string http;
  int exit_with = 0;  ///< the parent's process id; 0: none
};

arrow::Status SetAddress(const std::string& name, const std::string& text, std::optional<net::Address>& to) {
  if (text.empty()) return arrow::Status::OK();
  if (text == "off") {
    to.reset();
    return arrow::Status::OK();
  }
  auto parsed = net::Address::Parse(text);
  if (!parsed.ok()) return Error(ErrorCode::kInvalidConfig, "{}: {}", name, parsed.status().message());
  to = *parsed;
  return arrow::Status::OK();
}

arrow::Result<ServeOptions> OptionsOf(const ServeArguments& arguments) {
  ServeOptions options;
  if (!arguments.config.empty()) {
    io::PosixFileSystem fs;
    ARROW_ASSIGN_OR_RAISE(const std::string text, io::ReadFile(fs, arguments.config));
    const arrow::Status applied = ApplyConfig(text, options);
    if (!applied.ok()) return Error(CodeOf(applied), "{}: {}", arguments.config, applied.message());
  }
  if (!arguments.data.empty()) options.data_directory = arguments.data;
  ARROW_RETURN_NOT_OK(FinishOptions(arguments.listen, options));
  ARROW_RETURN_NOT_OK(SetAddress("--flight", arguments.flight, options.flight));
  ARROW_RETURN_NOT_OK(SetAddress("--http", arguments.http, options.http));
  return options;
}

/// `thalweg doctor`. 0, or 1 where something is wrong enough that a server cannot keep its promise.
int Doctor(const ServeArguments& arguments, bool json) {
  const auto options = OptionsOf(arguments);
  std::vector<Diagnosis> diagnoses;
  if (options.ok()) {
    Machine machine = LookAtMachine(options->data_directory);
    machine.remote_storage = LookAtRemoteStorage(*options);
    diagnoses = Diagnose(*options, machine);
  } else {
    diagnoses.push_back({Diagnosis::Verdict::kFail, "configuration", options.status().message(),
                         "Mend it first: the other checks depend on it."});
  }
  fmt::print("{}", json ? DiagnosesJson(diagnoses) : DiagnosesText(diagnoses));
  return WorstOf(diagnoses) == Diagnosis::Verdict::kFail ? 1 : 0;
}

/// With a full stop at its end.
std::string Sentence(std::string text) {
  if (!text.ends_with('.')) text += '.';
  return text;
}

/// What CLI11 leaves over is an option that nobody knows: say which one may have been meant.
void PrintUnknown(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* command = &app;
  std::string path;
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    path += command->get_name() + " ";
  }
  std::vector<std::string> names;
  for (const auto* option : command->get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (const auto* subcommand : command->get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(subcommand->get_name());
  const auto left = command->remaining(true);
  if (left.empty()) {
    fmt::print(stderr, "thalweg: {} See thalweg {}--help.\n", Sentence(error.what()), path);
    return;
  }
  const std::string unknown = left.front().substr(0, left.front().find('='));
  const auto nearest = NearestName(unknown, names);
  fmt::print(stderr, "thalweg: {} is not known{} See thalweg {}--help.\n", unknown,
             nearest.empty() ? "." : fmt::format("; did you mean {}?", nearest), path);
}

int Main(int argc, char** argv) {
  CLI::App app("Thalweg: streaming storage that speaks Apache Fluss's protocol.", "thalweg");
  app.set_version_flag("--version", std::string("thalweg ") + THALWEG_VERSION);
  app.require_subcommand(1);
  app.footer("Start a complete, durable server on ./thalweg-data:\n  thalweg serve\n");

  ServeArguments arguments;
  CLI::App* serve = app.add_subcommand("serve", "Run a server. Without arguments a complete, durable one.");
  serve->group("Server");
  serve->add_option("--data", arguments.data, "Directory for everything that is stored (default ./thalweg-data)")
      ->type_name("DIR");
  serve->add_option("--config", arguments.config, "A thalweg.yaml; options on the command line go before it")
      ->type_name("FILE");
  serve
      ->add_option(
          "--listen", arguments.listen,
          "Where Fluss clients connect (default 127.0.0.1:9123; port 0: any free one); goes before bind.listeners")
      ->type_name("HOST:PORT");
  serve->add_option("--flight", arguments.flight, "Where Arrow Flight clients connect (default 127.0.0.1:9130)")
      ->type_name("HOST:PORT|off");
  serve->add_option("--exit-with", arguments.exit_with, "End when this process, which has to be the parent, ends")
      ->type_name("PID");
  bool list_options = false;
  serve->add_flag("--list-options", list_options, "Print every option of thalweg.yaml, in Markdown, and end");
  serve->add_option("--http", arguments.http, "Metrics and health: /metrics, /health, /ready (default 127.0.0.1:9140)")
      ->type_name("HOST:PORT|off");

  bool json = false;
  CLI::App* doctor = app.add_subcommand("doctor", "Check settings and machine: what weakens the promise, what to do");
  doctor->group("Server");
  doctor->add_option("--data", arguments.data, "As for serve")->type_name("DIR");
  doctor->add_option("--config", arguments.config, "As for serve")->type_name("FILE");
  doctor->add_option("--listen", arguments.listen, "As for serve")->type_name("HOST:PORT");
  doctor->add_flag("--json", json, "For programs");

  cli::Action action;
  cli::AddCommands(app, &action);
  cli::AddSqlCommand(app, &action, OpenSqlDirectory, OpenSqlServer);

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& wanted) {
    return app.exit(wanted);  // --help, --version
  } catch (const CLI::ParseError& error) {
    PrintUnknown(app, error);
    return 2;
  }
  if (list_options) {
    fmt::print("{}", ConfigPage());
    return 0;
  }
  int code = 0;
  if (doctor->parsed()) {
    action = [&]() -> arrow::Status {
      code = Doctor(arguments, json);
      return arrow::Status::OK();
    };
  }
  if (serve->parsed()) {
    action = [&arguments]() -> arrow::Status {
      if (arguments.exit_with != 0 && !runtime::EndWithParent(arguments.exit_with)) {
        return Error(ErrorCode::kInvalidConfig, "--exit-with {}: that is not the process that has started this one.",
                     arguments.exit_with);
      }
      ARROW_ASSIGN_OR_RAISE(const auto options, OptionsOf(arguments));
      return Serve(options);
    };
  }
  const arrow::Status status = action();
  if (!status.ok()) {
    fmt::print(stderr, "thalweg: {}\n", status.message());
    code = 1;
  }
  if (!io::FinishObjectStores()) {
    std::fflush(nullptr);
    std::_Exit(code);  // a thread still waits for a store that does not answer
  }
  return code;
}

}  // namespace
}  // namespace thalweg::app

int main(int argc, char** argv) { return thalweg::app::Main(argc, argv); }
