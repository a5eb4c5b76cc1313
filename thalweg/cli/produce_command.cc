#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arrow/array/array_base.h"
#include "arrow/array/util.h"
#include "arrow/record_batch.h"
#include "arrow/util/byte_size.h"
#include "fmt/format.h"
#include "thalweg/base/error.h"
#include "thalweg/cli/column_choice.h"
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
  std::vector<std::string> columns;
  bool ignore_unknown = false;
  bool deletes = false;
  bool quiet = false;
};

/// How many rows of `rows` make a batch.
int64_t BatchRows(const arrow::RecordBatch& rows) {
  const int64_t bytes = arrow::util::TotalBufferSize(rows);
  return std::max<int64_t>(1, bytes <= kBatchBytes ? rows.num_rows() : rows.num_rows() * kBatchBytes / bytes);
}

/// The table's, of which rows need no more than the key and `needed`.
arrow::Result<schema::Schema> SchemaWithout(const schema::Schema& table, const std::vector<int32_t>& needed) {
  schema::Schema::Parts parts{.columns = {table.columns().begin(), table.columns().end()},
                              .primary_key = {table.primary_key().begin(), table.primary_key().end()}};
  for (size_t i = 0; i < parts.columns.size(); ++i) {
    if (std::ranges::find(needed, static_cast<int32_t>(i)) != needed.end()) continue;
    parts.columns[i].type.nullable = true;  // The key's are made NOT NULL again.
  }
  return schema::Schema::Make(std::move(parts));
}

/// The columns that rows of some of them change, and the key's; none: all.
arrow::Result<std::vector<int32_t>> TargetColumns(const ProduceArguments& arguments, const client::TableInfo& table) {
  if (arguments.columns.empty()) return std::vector<int32_t>();
  if (arguments.deletes) {
    return Error(ErrorCode::kInvalidConfig, "--delete takes whole rows away: leave --columns out.");
  }
  if (!table.descriptor.HasPrimaryKey()) {
    return Error(ErrorCode::kInvalidConfig,
                 "--columns changes some columns of rows that stand under a key; {} has no primary key.", table.path);
  }
  ARROW_ASSIGN_OR_RAISE(auto columns, ChosenColumns(arguments.columns, table));
  for (const size_t key : table.descriptor.schema.PrimaryKeyIndexes()) {
    if (std::ranges::find(columns, static_cast<int32_t>(key)) == columns.end()) {
      columns.push_back(static_cast<int32_t>(key));
    }
  }
  std::ranges::sort(columns);
  return columns;
}

/// `rows` with nulls in all columns but `columns`.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> OnlyColumns(std::shared_ptr<arrow::RecordBatch> rows,
                                                               const std::vector<int32_t>& columns) {
  for (int i = 0; !columns.empty() && i < rows->num_columns(); ++i) {
    if (std::ranges::find(columns, i) != columns.end()) continue;
    ARROW_ASSIGN_OR_RAISE(const auto nulls, arrow::MakeArrayOfNull(rows->column(i)->type(), rows->num_rows()));
    ARROW_ASSIGN_OR_RAISE(rows, rows->SetColumn(i, rows->schema()->field(i), nulls));
  }
  return rows;
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
  ARROW_ASSIGN_OR_RAISE(const auto targets, TargetColumns(arguments, table));
  const auto mean = arguments.deletes ? client::RowsMean::kDelete : client::RowsMean::kPut;
  ARROW_ASSIGN_OR_RAISE(const auto appender,
                        client::Appender::Open(*connection, table, {}, {.mean = mean, .target_columns = targets}));
  schema::Schema schema = table.descriptor.schema;
  if (arguments.deletes || !targets.empty()) {
    ARROW_ASSIGN_OR_RAISE(schema, SchemaWithout(schema, targets));
  }
  ARROW_ASSIGN_OR_RAISE(const auto source, RowSource::Open(fs, input, schema));
  const auto missing = arguments.deletes ? client::NoPartitionYet::kLeaveRowsOut : client::NoPartitionYet::kCreateIt;
  ARROW_ASSIGN_OR_RAISE(const auto router, client::RowRouter::Make(*connection, table, missing));

  ProgressBar bar(arguments.deletes ? "deleted" : "produced", arguments.quiet);
  const auto send_all = [&]() -> arrow::Status {
    while (true) {
      ARROW_ASSIGN_OR_RAISE(auto rows, source->Next());
      if (!rows) return appender->Flush();
      ARROW_ASSIGN_OR_RAISE(rows, OnlyColumns(std::move(rows), targets));
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
  produce
      ->add_option(
          "-c,--columns", arguments->columns,
          "Put only these columns, and the key's, of the rows: under keys that are there the others stay as they are")
      ->delimiter(',')
      ->type_name("COLUMN,…");
  produce->add_flag("--ignore-unknown", arguments->ignore_unknown, "Leave out columns that the table does not have");
  produce->add_flag(
      "--delete", arguments->deletes,
      "Delete the keys of the rows, whose other columns are not looked at, from a table with a primary key");
  produce->add_flag("-q,--quiet", arguments->quiet, "No progress, no summary");
  arguments->access.AddTo(*produce);
  produce->callback([=] { *action = [=] { return Produce(*arguments); }; });
}

}  // namespace thalweg::cli
