#include "thalweg/cli/sql_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/array/array_base.h"
#include "arrow/record_batch.h"
#include "arrow/scalar.h"
#include "arrow/type.h"
#include "fmt/format.h"
#include "thalweg/base/error.h"
#include "thalweg/cli/answer_rows.h"
#include "thalweg/cli/output.h"
#include "thalweg/cli/row_sink.h"
#include "thalweg/cli/server_access.h"
#include "thalweg/cli/sql_shell.h"
#include "thalweg/cli/text_table.h"
#include "thalweg/io/file_system.h"
#include "thalweg/io/posix_file_system.h"
#include "thalweg/io/terminal.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/sql/connection.h"
#include "thalweg/sql/token.h"

namespace thalweg::cli {
namespace {

constexpr size_t kScriptBytesMax = 64 << 20;
constexpr uint64_t kMemoryBytesMin = 32ull << 20;
constexpr uint64_t kMemoryBytesMax = 16ull << 40;
constexpr double kTimeoutSMax = 365 * 86'400;

struct SqlArguments {
  std::string data;
  std::string config;
  std::string database = kDefaultDatabase;
  std::vector<std::string> commands;
  std::string file;
  std::string format;
  std::string output;
  bool timer = false;
  uint64_t memory_bytes = 0;
  double timeout_s = 0;
  ServerAccess access;
};

/// How SQL is reached.
struct Ways {
  OpenSqlDirectory directory;
  OpenSqlServer server;
};

/// What the arguments name, open.
struct Opened {
  std::unique_ptr<SqlDirectory> directory;  ///< null: a server
  std::unique_ptr<sql::Connection> connection;
};

arrow::Result<std::string> ReadInput() {
  std::string text;
  std::array<uint8_t, 64 << 10> piece;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const size_t got, io::ReadStandardInput(piece));
    if (got == 0) return text;
    text.append(AsText(ByteView(piece).first(got)));
    if (text.size() > kScriptBytesMax) {
      return Error(ErrorCode::kInvalidConfig, "The script is longer than {} MiB: `thalweg produce` brings rows in.",
                   kScriptBytesMax >> 20);
    }
  }
}

arrow::Result<RowFormat> FormatOf(const SqlArguments& arguments) {
  if (!arguments.format.empty()) return ParseRowFormat(arguments.format);
  if (!arguments.output.empty() && arguments.output != "-") return FormatOfFile(arguments.output);
  return RowFormat::kTable;
}

arrow::Result<Opened> Open(const SqlArguments& arguments, const Ways& ways) {
  Opened opened;
  const int64_t time_ms = arguments.timeout_s > 0 ? std::max<int64_t>(1, std::llround(arguments.timeout_s * 1000)) : 0;
  if (arguments.data.empty()) {
    ARROW_ASSIGN_OR_RAISE(const auto server, arguments.access.FlightOptions());
    ARROW_ASSIGN_OR_RAISE(opened.connection, ways.server(server, arguments.database, time_ms));
    return opened;
  }
  sql::SessionOptions options{.database = arguments.database};
  if (arguments.memory_bytes > 0) options.memory_bytes_max = arguments.memory_bytes;
  if (time_ms > 0) options.time_ms_max = time_ms;
  ARROW_ASSIGN_OR_RAISE(opened.directory, ways.directory(arguments.data, arguments.config));
  ARROW_ASSIGN_OR_RAISE(opened.connection, opened.directory->OpenSession(std::move(options)));
  return opened;
}

arrow::Status Run(const SqlArguments& arguments, const Ways& ways) {
  ARROW_ASSIGN_OR_RAISE(const RowFormat format, FormatOf(arguments));
  std::vector<std::string> statements;
  const auto add = [&](const std::string& script) -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(auto parts, sql::SplitStatements(script));
    statements.insert(statements.end(), parts.begin(), parts.end());
    return arrow::Status::OK();
  };
  io::PosixFileSystem fs;
  for (const auto& command : arguments.commands) ARROW_RETURN_NOT_OK(add(command));
  if (!arguments.file.empty()) {
    ARROW_ASSIGN_OR_RAISE(const std::string script, io::ReadFile(fs, arguments.file));
    ARROW_RETURN_NOT_OK(add(script));
  }
  const bool given = !arguments.commands.empty() || !arguments.file.empty();
  const bool interactive = !given && io::IsTerminal(io::StandardStream::kInput);
  if (!given && !interactive) {
    ARROW_ASSIGN_OR_RAISE(const std::string script, ReadInput());
    ARROW_RETURN_NOT_OK(add(script));
  }
  ARROW_ASSIGN_OR_RAISE(const auto opened, Open(arguments, ways));
  ARROW_ASSIGN_OR_RAISE(const auto output, Output::Open(fs, arguments.output));
  if (interactive) return RunSqlShell(*opened.connection, format, *output);
  for (const auto& statement : statements) {
    const int64_t began_ns = runtime::SystemClock().MonotonicNs();
    ARROW_RETURN_NOT_OK(RunSqlStatement(*opened.connection, statement, format, *output));
    if (arguments.timer) {
      fmt::print(stderr, "{:.3f} ms\n", static_cast<double>(runtime::SystemClock().MonotonicNs() - began_ns) / 1e6);
    }
    if (output->ended()) break;
  }
  return arrow::Status::OK();
}

/// What EXPLAIN gives: drawings of several lines, which no cell of a table has room for.
bool IsPlan(const arrow::Schema& columns) {
  return columns.field_names() == std::vector<std::string>{"explain_key", "explain_value"};
}

arrow::Status WritePlan(arrow::RecordBatchReader& rows, Output& output) {
  std::shared_ptr<arrow::RecordBatch> batch;
  while (!output.ended()) {
    ARROW_RETURN_NOT_OK(rows.ReadNext(&batch));
    if (!batch) break;
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      ARROW_ASSIGN_OR_RAISE(const auto text, batch->column(1)->GetScalar(row));
      ARROW_RETURN_NOT_OK(output.Write(AsBytes(text->ToString())));
    }
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Status RunSqlStatement(sql::Connection& connection, std::string_view statement, RowFormat format,
                              Output& output) {
  ARROW_ASSIGN_OR_RAISE(const auto answer, connection.Execute(statement));
  if (!answer.rows) {
    // Words for people; a program that asked for rows gets none.
    if (format == RowFormat::kTable && answer.kind == sql::StatementKind::kChange) {
      return output.Write(AsBytes(fmt::format("{} {}\n", WithSeparators(static_cast<uint64_t>(answer.changed_rows)),
                                              answer.changed_rows == 1 ? "row" : "rows")));
    }
    return arrow::Status::OK();
  }
  if (format == RowFormat::kTable && IsPlan(*answer.rows->schema())) return WritePlan(*answer.rows, output);
  const AnswerRows rows(*answer.rows->schema());
  ARROW_ASSIGN_OR_RAISE(const auto sink, RowSink::Open(format, rows.columns(), output));
  std::shared_ptr<arrow::RecordBatch> batch;
  while (!output.ended()) {
    ARROW_RETURN_NOT_OK(answer.rows->ReadNext(&batch));
    if (!batch) break;
    ARROW_ASSIGN_OR_RAISE(const auto converted, rows.Convert(*batch));
    ARROW_RETURN_NOT_OK(sink->Write(converted));
  }
  return sink->Finish();
}

void AddSqlCommand(CLI::App& app, Action* action, OpenSqlDirectory open_directory, OpenSqlServer open_server) {
  auto arguments = std::make_shared<SqlArguments>();
  CLI::App* command = app.add_subcommand("sql", "Ask in SQL: a shell, or one answer with -c");
  command->group("Data");
  auto* data = command->add_option("--data", arguments->data, "Instead of a server: a data directory that none holds");
  data->type_name("DIR");
  command->add_option("--config", arguments->config, "With --data: the thalweg.yaml that its server runs with")
      ->type_name("FILE")
      ->needs(data);
  arguments->access.AddFlightTo(*command);
  command->get_option("--server")->excludes(data);
  command->add_option("-d,--database", arguments->database, "The database that names without one mean (default fluss)");
  command->add_option("-c,--command", arguments->commands, "Statements to run; may be given again")->type_name("SQL");
  command->add_option("-f,--file", arguments->file, "A file of statements to run")->type_name("FILE");
  command->add_option("--format", arguments->format, "table (default), json, csv or parquet");
  command->add_option("-o,--output", arguments->output, "Where answers go (default: standard output)")
      ->type_name("FILE");
  command->add_flag("--timer", arguments->timer, "Print on standard error how long each statement took");
  command
      ->add_option("--memory", arguments->memory_bytes,
                   "With --data: memory that a statement may take (default: half of the machine's)")
      ->type_name("SIZE")
      ->needs(data)
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(kMemoryBytesMin, kMemoryBytesMax));
  command
      ->add_option("--timeout", arguments->timeout_s,
                   "Time that a statement may take (default: any, or what the server lets it)")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.001, kTimeoutSMax));
  command->footer(
      "Without -c and -f statements are read from standard input; from a terminal that is a shell.\n"
      "  thalweg sql -c 'SELECT count(*) FROM orders'\n"
      "  thalweg sql --data ./thalweg-data -c 'SELECT count(*) FROM orders'\n");
  Ways ways{std::move(open_directory), std::move(open_server)};
  command->callback(
      [arguments, action, ways = std::move(ways)] { *action = [arguments, ways] { return Run(*arguments, ways); }; });
}

}  // namespace thalweg::cli
