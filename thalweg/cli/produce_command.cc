#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>

#include "arrow/record_batch.h"
#include "arrow/util/byte_size.h"
#include "fmt/format.h"
#include "thalweg/base/error.h"
#include "thalweg/cli/command.h"
#include "thalweg/cli/progress_bar.h"
#include "thalweg/cli/row_source.h"
#include "thalweg/cli/server_access.h"
#include "thalweg/client/admin.h"
#include "thalweg/client/appender.h"
#include "thalweg/client/row_router.h"
#include "thalweg/io/posix_file_system.h"
#include "thalweg/runtime/signals.h"

namespace thalweg::cli {
namespace {

// Of decoded rows in one batch: what Fluss's own writers send.
constexpr int64_t kBatchBytes = 2 << 20;

struct ProduceArguments {
  ServerAccess access;
  std::string table;
  std::string file = "-";
  std::string format;
  std::string delimiter = ",";
  bool ignore_unknown = false;
  bool deletes = false;
  bool quiet = false;
};

/// How many rows of `rows` make a batch.
int64_t BatchRows(const arrow::RecordBatch& rows) {
  const int64_t bytes = arrow::util::TotalBufferSize(rows);
  return std::max<int64_t>(1, bytes <= kBatchBytes ? rows.num_rows() : rows.num_rows() * kBatchBytes / bytes);
}

/// The table's, of which rows that delete need no more than the key.
arrow::Result<schema::Schema> SchemaOfKeys(const schema::Schema& table) {
  schema::Schema::Parts parts{.columns = {table.columns().begin(), table.columns().end()},
                              .primary_key = {table.primary_key().begin(), table.primary_key().end()}};
  for (auto& column : parts.columns) column.type.nullable = true;  // The key's are made NOT NULL again.
  return schema::Schema::Make(std::move(parts));
}

arrow::Status Produce(const ProduceArguments& arguments) {
  runtime::IgnoreBrokenPipes();
  ARROW_ASSIGN_OR_RAISE(const auto path, ParseTablePath(arguments.table));
  RowSourceOptions input{.path = arguments.file, .ignore_unknown = arguments.ignore_unknown};
  ARROW_ASSIGN_OR_RAISE(input.format,
                        arguments.format.empty() ? FormatOfFile(arguments.file) : ParseRowFormat(arguments.format));
  if (arguments.delimiter.size() != 1) {
    return Error(ErrorCode::kInvalidConfig, "--delimiter takes one character.");
  }
  input.delimiter = arguments.delimiter[0];
  ARROW_ASSIGN_OR_RAISE(const auto connection, arguments.access.Connect());
  ARROW_ASSIGN_OR_RAISE(const auto table, client::GetTable(*connection, path));
  io::PosixFileSystem fs;
  const auto mean = arguments.deletes ? client::RowsMean::kDelete : client::RowsMean::kPut;
  ARROW_ASSIGN_OR_RAISE(const auto appender, client::Appender::Open(*connection, table, {}, mean));
  schema::Schema schema = table.descriptor.schema;
  if (arguments.deletes) {
    ARROW_ASSIGN_OR_RAISE(schema, SchemaOfKeys(schema));
  }
  ARROW_ASSIGN_OR_RAISE(const auto source, RowSource::Open(fs, input, schema));
  const auto missing = arguments.deletes ? client::NoPartitionYet::kLeaveRowsOut : client::NoPartitionYet::kCreateIt;
  ARROW_ASSIGN_OR_RAISE(const auto router, client::RowRouter::Make(*connection, table, missing));

  ProgressBar bar(arguments.deletes ? "deleted" : "produced", arguments.quiet);
  const auto send_all = [&]() -> arrow::Status {
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const auto rows, source->Next());
      if (!rows) return appender->Flush();
      const int64_t step = BatchRows(*rows);
      for (int64_t from = 0; from < rows->num_rows(); from += step) {
        ARROW_ASSIGN_OR_RAISE(const auto routed, router->Route(rows->Slice(from, step)));
        for (const auto& part : routed) ARROW_RETURN_NOT_OK(appender->Append(part.partition, part.bucket, *part.rows));
        bar.Update(appender->acknowledged_rows(), source->progress());
      }
    }
  };
  arrow::Status sent = send_all();
  if (sent.ok()) {
    if (!arguments.quiet) {
      fmt::print(stderr, "{} {} {}\n", bar.Summary(appender->acknowledged_rows()),
                 arguments.deletes ? "deleted from" : "to", path);
    }
    return sent;
  }
  // What was read before the wrong row is a part of the truth that the user has to know.
  const arrow::Status flushed = appender->Flush();
  return Error(CodeOf(sent), "{} ({} rows before it are {} {}{})", sent.message(), appender->acknowledged_rows(),
               arguments.deletes ? "gone from" : "in", path,
               flushed.ok() ? "" : "; of some that were under way nobody knows");
}

}  // namespace

void AddProduceCommand(CLI::App& app, Action* action) {
  const auto arguments = std::make_shared<ProduceArguments>();
  CLI::App* produce = app.add_subcommand(
      "produce", "Append rows of a file, or of standard input, to a table; by key where it has a primary key");
  produce->add_option("TABLE", arguments->table, "NAME, or DATABASE.NAME")->required()->type_name("");
  produce->add_option("FILE", arguments->file, "What to read; - is standard input (the default)")->type_name("");
  produce
      ->add_option("-f,--format", arguments->format, "json (one object per line), csv or parquet; else by FILE's name")
      ->type_name("FORMAT");
  produce->add_option("--delimiter", arguments->delimiter, "Between the cells of a CSV (default ,)")->type_name("CHAR");
  produce->add_flag("--ignore-unknown", arguments->ignore_unknown, "Leave out columns that the table does not have");
  produce->add_flag(
      "--delete", arguments->deletes,
      "Delete the keys of the rows, whose other columns are not looked at, from a table with a primary key");
  produce->add_flag("-q,--quiet", arguments->quiet, "No progress, no summary");
  arguments->access.AddTo(*produce);
  produce->callback([=] { *action = [=] { return Produce(*arguments); }; });
}

}  // namespace thalweg::cli
