#include "thalweg/cli/sql_shell.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arrow/array/array_binary.h"
#include "arrow/record_batch.h"
#include "fmt/format.h"
#include "thalweg/cli/line_editor.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/runtime/shards.h"
#include "thalweg/runtime/signals.h"
#include "thalweg/sql/token.h"

namespace thalweg::cli {
namespace {

constexpr const char* kHelp =
    ".help             this\n"
    ".tables           the tables of the current database\n"
    ".format FORMAT    how answers are shown: table, json, csv\n"
    ".timer on|off     whether to say how long a statement took\n"
    ".quit             the end (or Ctrl-D)\n"
    "Everything else is SQL, ended with a semicolon; Ctrl-C ends a statement that runs. docs/sql.md tells more.\n";

std::string HistoryFile() {
  const char* home = std::getenv("HOME");
  return home == nullptr ? std::string() : std::string(home) + "/.thalweg_sql_history";
}

/// The words that DuckDB suggests behind `text`.
std::vector<std::string> Suggest(sql::Connection& connection, const std::string& text) {
  std::string quoted;
  for (const char c : text) quoted += c == '\'' ? "''" : std::string(1, c);
  const auto answer = connection.Execute("SELECT suggestion FROM sql_auto_complete('" + quoted + "')");
  std::vector<std::string> words;
  if (!answer.ok() || !answer->rows) return words;  // then there is nothing to suggest
  std::shared_ptr<arrow::RecordBatch> batch;
  while (answer->rows->ReadNext(&batch).ok() && batch) {
    const auto* column = dynamic_cast<const arrow::StringArray*>(batch->column(0).get());
    for (int64_t i = 0; column != nullptr && i < column->length(); ++i) words.push_back(column->GetString(i));
  }
  return words;
}

class Shell {
 public:
  Shell(sql::Connection& connection, RowFormat format, Output& output)
      : connection_(connection),
        format_(format),
        output_(output),
        editor_(HistoryFile(), [this](const std::string& text) { return Suggest(connection_, text); }) {}

  arrow::Status Run() {
    // The first Ctrl-C ends what runs; with nothing to end it is ignored.
    runtime::ShutdownSignals signals(thread_, [this](int) { connection_.Cancel(); });
    ARROW_RETURN_NOT_OK(
        output_.Write(AsBytes(std::string("`.help` tells what there is; statements end with a semicolon.\n"))));
    std::string text;
    while (true) {
      const auto line = editor_.Read(text.empty() ? connection_.database() + "> "
                                                  : std::string(connection_.database().size(), ' ') + "> ");
      if (!line) return arrow::Status::OK();
      if (text.empty() && line->starts_with('.')) {
        editor_.Remember(*line);
        if (!Dot(*line)) return arrow::Status::OK();
        continue;
      }
      text += (text.empty() ? "" : "\n") + *line;
      if (text.find_first_not_of(" \t\n;") == std::string::npos) text.clear();
      if (!IsComplete(text)) continue;
      editor_.Remember(text);
      RunAll(std::exchange(text, {}));
    }
  }

 private:
  /// Whether it ends with a semicolon that is none of a text or comment.
  static bool IsComplete(const std::string& text) {
    const auto tokens = sql::Tokenize(text);
    return tokens.ok() && tokens->size() >= 2 && (*tokens)[tokens->size() - 2].IsSign(';');
  }

  void Show(const arrow::Status& status) const {
    if (!status.ok()) fmt::print(stderr, "{}\n", status.message());
  }

  void RunAll(const std::string& text) {
    const auto statements = sql::SplitStatements(text);
    if (!statements.ok()) return Show(statements.status());
    for (const auto& statement : *statements) {
      const int64_t began_ns = runtime::SystemClock().MonotonicNs();
      const auto status = RunSqlStatement(connection_, statement, format_, output_);
      Show(status);
      if (timer_) {
        fmt::print("{:.1f} ms\n", static_cast<double>(runtime::SystemClock().MonotonicNs() - began_ns) / 1e6);
      }
      std::fflush(stdout);
      if (!status.ok()) return;
    }
  }

  /// False at the end.
  bool Dot(const std::string& line) {
    const size_t space = std::min(line.find(' '), line.size());
    const std::string word = line.substr(0, space);
    const std::string rest = space < line.size() ? line.substr(space + 1) : "";
    if (word == ".quit" || word == ".exit") return false;
    if (word == ".tables") {
      RunAll("SHOW TABLES");
    } else if (word == ".timer") {
      timer_ = rest == "on";
    } else if (word == ".format") {
      const auto format = ParseRowFormat(rest);
      if (format.ok()) format_ = *format;
      Show(format.status());
    } else if (word == ".help") {
      Show(output_.Write(AsBytes(std::string(kHelp))));
    } else {
      fmt::print(stderr, "{} is not known; .help lists what is.\n", word);
    }
    return true;
  }

  sql::Connection& connection_;
  RowFormat format_;
  Output& output_;
  bool timer_ = false;
  // Signals come to shards alone.
  const std::unique_ptr<runtime::Shards> shards_ = runtime::Shards::Start(1);
  runtime::Executor& thread_ = shards_->at(0);
  LineEditor editor_;
};

}  // namespace

arrow::Status RunSqlShell(sql::Connection& connection, RowFormat format, Output& output) {
  return Shell(connection, format, output).Run();
}

}  // namespace thalweg::cli
