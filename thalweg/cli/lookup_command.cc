#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arrow/array/builder_base.h"
#include "arrow/builder.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "nlohmann/json.hpp"
#include "thalweg/base/error.h"
#include "thalweg/cli/command.h"
#include "thalweg/cli/output.h"
#include "thalweg/cli/row_sink.h"
#include "thalweg/cli/row_source.h"
#include "thalweg/cli/server_access.h"
#include "thalweg/cli/value_text.h"
#include "thalweg/client/key_reader.h"
#include "thalweg/io/posix_file_system.h"
#include "thalweg/io/terminal.h"
#include "thalweg/runtime/signals.h"

namespace thalweg::cli {
namespace {

using client::KeyKind;

struct LookupArguments {
  ServerAccess access;
  std::string table;
  std::vector<std::string> keys;
  std::string keys_file;
  std::string keys_format;
  std::vector<std::string> columns;
  std::string format;
  std::string output;
  std::string missing = "drop";
  bool prefix = false;
  bool quiet = false;
};

/// The columns of a key, as rows of a file would have them.
arrow::Result<schema::Schema> KeySchema(const client::TableInfo& table, const client::KeyRouter& router) {
  schema::Schema::Parts parts;
  for (const size_t column : router.columns()) {
    parts.columns.push_back(table.descriptor.schema.columns()[column]);
    parts.columns.back().id = schema::kNoFieldId;
    parts.columns.back().type.nullable = false;
  }
  return schema::Schema::Make(std::move(parts));
}

/// The values that one argument spells: text for the only column, text between commas, or a JSON object.
arrow::Status AppendKey(const std::string& text, const schema::Schema& keys,
                        std::vector<std::unique_ptr<arrow::ArrayBuilder>>& builders) {
  const auto& columns = keys.columns();
  const auto refuse = [&](const std::string& why) {
    std::vector<std::string> names;
    names.reserve(columns.size());
    for (const auto& column : columns) names.push_back(column.name);
    return Error(ErrorCode::kInvalidTargetColumn, "key '{}': {} (a key is {})", text, why, fmt::join(names, ","));
  };
  if (text.starts_with('{')) {
    const auto json = nlohmann::ordered_json::parse(text, nullptr, false);
    if (!json.is_object() || json.size() != columns.size())
      return refuse("that is no JSON object with the key columns");
    for (size_t i = 0; i < columns.size(); ++i) {
      const auto value = json.find(columns[i].name);
      if (value == json.end()) return refuse(fmt::format("it lacks {}", columns[i].name));
      const auto appended = AppendJsonValue(*value, columns[i].type, *builders[i]);
      if (!appended.ok()) return refuse(appended.message());
    }
    return arrow::Status::OK();
  }
  size_t at = 0;
  for (size_t i = 0; i < columns.size(); ++i) {
    const bool last = i + 1 == columns.size();
    const size_t comma = columns.size() == 1 || last ? std::string::npos : text.find(',', at);
    if (!last && comma == std::string::npos) return refuse("too few values between commas");
    const auto appended = AppendText(std::string_view(text).substr(at, comma - at), columns[i].type, *builders[i]);
    if (!appended.ok()) return refuse(fmt::format("column {}: {}", columns[i].name, appended.message()));
    at = comma + 1;
  }
  return arrow::Status::OK();
}

/// One run of `thalweg lookup`.
class Lookup {
 public:
  Lookup(const LookupArguments& arguments, client::KeyReader& reader) : arguments_(arguments), reader_(reader) {}

  arrow::Status Run() {
    const auto kind = arguments_.prefix ? KeyKind::kPrefix : KeyKind::kWhole;
    ARROW_ASSIGN_OR_RAISE(const auto* router, reader_.RouterOf(kind));
    ARROW_ASSIGN_OR_RAISE(const auto keys, KeySchema(reader_.table(), *router));
    ARROW_ASSIGN_OR_RAISE(const auto positions, Positions());
    ARROW_ASSIGN_OR_RAISE(const auto given, GivenKeys(keys, *router->key_schema()));
    std::unique_ptr<RowSource> source;
    if (!arguments_.keys_file.empty()) {
      ARROW_ASSIGN_OR_RAISE(source, OpenKeys(keys));
    }
    ARROW_ASSIGN_OR_RAISE(const RowFormat format, Format());
    ARROW_ASSIGN_OR_RAISE(const auto output, Output::Open(fs_, arguments_.output));
    ARROW_ASSIGN_OR_RAISE(const auto sink, RowSink::Open(format, OutputColumns(positions), *output));
    ARROW_RETURN_NOT_OK(Find(*given, positions, *sink));
    while (source && !output->ended()) {
      ARROW_ASSIGN_OR_RAISE(const auto rows, source->Next());
      if (!rows) break;
      ARROW_RETURN_NOT_OK(
          Find(*arrow::RecordBatch::Make(router->key_schema(), rows->num_rows(), rows->columns()), positions, *sink));
    }
    ARROW_RETURN_NOT_OK(sink->Finish());
    if (!arguments_.quiet && !arguments_.prefix && found_ < asked_) {
      fmt::print(stderr, "{} of {} keys have no row in {}\n", asked_ - found_, asked_, reader_.table().path);
    }
    return arrow::Status::OK();
  }

 private:
  arrow::Status Find(const arrow::RecordBatch& keys, const std::vector<int32_t>& positions, RowSink& sink) {
    if (keys.num_rows() == 0) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto rows, arguments_.prefix ? reader_.LookUpPrefixes(keys, positions)
                                                             : reader_.LookUp(keys, positions, missing_));
    asked_ += keys.num_rows();
    found_ += rows->num_rows();
    return rows->num_rows() == 0 ? arrow::Status::OK() : sink.Write(rows);
  }

  arrow::Result<std::shared_ptr<arrow::RecordBatch>> GivenKeys(const schema::Schema& keys,
                                                               const arrow::Schema& arrow_schema) const {
    std::vector<std::unique_ptr<arrow::ArrayBuilder>> builders;
    for (const auto& field : arrow_schema.fields()) {
      ARROW_ASSIGN_OR_RAISE(builders.emplace_back(), arrow::MakeBuilder(field->type()));
    }
    for (const auto& key : arguments_.keys) ARROW_RETURN_NOT_OK(AppendKey(key, keys, builders));
    arrow::ArrayVector columns;
    for (auto& builder : builders) {
      ARROW_ASSIGN_OR_RAISE(columns.emplace_back(), builder->Finish());
    }
    return arrow::RecordBatch::Make(arrow::schema(arrow_schema.fields()), static_cast<int64_t>(arguments_.keys.size()),
                                    std::move(columns));
  }

  arrow::Result<std::unique_ptr<RowSource>> OpenKeys(const schema::Schema& keys) {
    RowSourceOptions input{.path = arguments_.keys_file, .ignore_unknown = true};
    ARROW_ASSIGN_OR_RAISE(input.format, arguments_.keys_format.empty() ? FormatOfFile(arguments_.keys_file)
                                                                       : ParseRowFormat(arguments_.keys_format));
    key_columns_ = keys;
    return RowSource::Open(fs_, input, key_columns_);
  }

  arrow::Result<RowFormat> Format() const {
    if (!arguments_.format.empty()) return ParseRowFormat(arguments_.format);
    if (!arguments_.output.empty() && arguments_.output != "-") return FormatOfFile(arguments_.output);
    return io::IsTerminal(io::StandardStream::kOutput) ? RowFormat::kTable : RowFormat::kJsonLines;
  }

  arrow::Result<std::vector<int32_t>> Positions() const {
    const auto& names = reader_.schema()->field_names();
    std::vector<int32_t> positions;
    for (const auto& column : arguments_.columns) {
      const auto at = std::ranges::find(names, column);
      if (at == names.end()) {
        return Error(ErrorCode::kInvalidColumnProjection, "{} has no column '{}'; it has {}.", reader_.table().path,
                     column, fmt::join(names, ", "));
      }
      positions.push_back(static_cast<int32_t>(at - names.begin()));
    }
    return positions;
  }

  std::vector<schema::Column> OutputColumns(const std::vector<int32_t>& positions) const {
    const auto& all = reader_.table().descriptor.schema.columns();
    std::vector<schema::Column> columns;
    if (positions.empty()) columns = all;
    for (const int32_t position : positions) columns.push_back(all[static_cast<size_t>(position)]);
    for (auto& column : columns) column.type.nullable |= missing_ == client::Missing::kNulls;
    return columns;
  }

  const LookupArguments& arguments_;
  client::KeyReader& reader_;
  io::PosixFileSystem fs_;
  schema::Schema key_columns_;  ///< of the file with keys, which refers to it
  const client::Missing missing_ = arguments_.missing == "null" ? client::Missing::kNulls : client::Missing::kLeaveOut;
  int64_t asked_ = 0;
  int64_t found_ = 0;
};

arrow::Status LookUp(const LookupArguments& arguments) {
  runtime::IgnoreBrokenPipes();
  ARROW_ASSIGN_OR_RAISE(const auto path, ParseTablePath(arguments.table));
  if (arguments.missing != "drop" && arguments.missing != "null") {
    return Error(ErrorCode::kInvalidConfig, "--missing {}: write drop or null.", arguments.missing);
  }
  if (arguments.prefix && arguments.missing == "null") {
    return Error(ErrorCode::kInvalidConfig, "--missing null is for whole keys: a prefix may have any number of rows.");
  }
  if (arguments.keys.empty() && arguments.keys_file.empty()) {
    return Error(ErrorCode::kInvalidConfig, "Name the keys, or a file that has them with --keys FILE.");
  }
  ARROW_ASSIGN_OR_RAISE(auto options, arguments.access.Options());
  client::ConnectionPool pool(std::move(options), {.connections_max = 1, .tries_max = 1});
  ARROW_ASSIGN_OR_RAISE(const auto reader, client::KeyReader::Open(pool, path));
  return Lookup(arguments, *reader).Run();
}

}  // namespace

void AddLookupCommand(CLI::App& app, Action* action) {
  const auto arguments = std::make_shared<LookupArguments>();
  CLI::App* lookup = app.add_subcommand("lookup", "Print rows of a table with a primary key, by key");
  lookup->add_option("TABLE", arguments->table, "NAME, or DATABASE.NAME")->required()->type_name("");
  lookup
      ->add_option("KEY", arguments->keys,
                   "A value; of several key columns the values with commas between, or a JSON object")
      ->type_name("");
  lookup->add_option("--keys", arguments->keys_file, "File with (at least) the key columns; - is standard input")
      ->type_name("FILE");
  lookup->add_option("--keys-format", arguments->keys_format, "json, csv or parquet; else by FILE's name")
      ->type_name("FORMAT");
  lookup->add_flag("--prefix", arguments->prefix, "All rows of these partition keys and bucket keys");
  lookup
      ->add_option(
          "--missing", arguments->missing,
          "What stands for a key without a row: nothing (drop, the default), or a row of nulls (null), so that rows "
          "and keys stay side by side")
      ->type_name("WHAT");
  lookup->add_option("-c,--columns", arguments->columns, "Only these columns, in this order")
      ->delimiter(',')
      ->type_name("COLUMN,…");
  lookup->add_option("-f,--format", arguments->format, "table (default on a terminal), json (else), csv or parquet")
      ->type_name("FORMAT");
  lookup->add_option("-o,--output", arguments->output, "Write to a file; its name may tell the format")
      ->type_name("FILE");
  lookup->add_flag("-q,--quiet", arguments->quiet, "Do not say how many keys have no row");
  arguments->access.AddTo(*lookup);
  lookup->callback([=] { *action = [=] { return LookUp(*arguments); }; });
}

}  // namespace thalweg::cli
