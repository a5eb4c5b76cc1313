#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "nlohmann/json.hpp"
#include "thalweg/base/error.h"
#include "thalweg/cli/cell_text.h"
#include "thalweg/cli/column_aggregation.h"
#include "thalweg/cli/command.h"
#include "thalweg/cli/server_access.h"
#include "thalweg/cli/table_option_page.h"
#include "thalweg/cli/text_table.h"
#include "thalweg/client/admin.h"
#include "thalweg/schema/table_options.h"
#include "thalweg/schema/type_text.h"

namespace thalweg::cli {
namespace {

using Json = nlohmann::ordered_json;

/// Everything that `thalweg table …` can be told.
struct TableArguments {
  ServerAccess access;
  std::string name;
  std::string database;
  std::string columns;
  std::vector<std::string> partition_keys, bucket_keys, aggregations, options, set, unset, add_columns;
  int32_t buckets = 0;
  std::string comment;
  bool lenient = false;  ///< --if-exists, --if-not-exists
  bool create_database = false;
  bool json = false;
};

arrow::Result<std::pair<std::string, std::string>> SplitOption(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return Error(ErrorCode::kInvalidConfig, "'{}' is no option: write NAME=VALUE.", text);
  }
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

std::string KeysText(const std::vector<std::string>& keys) {
  return keys.empty() ? "-" : fmt::format("{}", fmt::join(keys, ", "));
}

arrow::Status List(const TableArguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const auto connection, arguments.access.Connect());
  std::vector<std::string> databases{arguments.database};
  if (arguments.database.empty()) {
    ARROW_ASSIGN_OR_RAISE(databases, client::ListDatabases(*connection));
  }
  TextTable text({"TABLE", "KIND", "COLUMNS", "PARTITIONED BY", "BUCKETS"});
  Json list = Json::array();
  size_t count = 0;
  for (const auto& database : databases) {
    ARROW_ASSIGN_OR_RAISE(const auto names, client::ListTables(*connection, database));
    for (const auto& name : names) {
      const auto table = client::GetTable(*connection, {database, name});
      if (CodeOf(table.status()) == ErrorCode::kTableNotExist) continue;  // dropped meanwhile
      ARROW_RETURN_NOT_OK(table.status());
      const auto& descriptor = table->descriptor;
      const std::string kind = descriptor.HasPrimaryKey() ? "primary key" : "log";
      ++count;
      list.push_back({{"database", database},
                      {"table", name},
                      {"kind", kind},
                      {"columns", descriptor.schema.column_count()},
                      {"partition_keys", descriptor.partition_keys},
                      {"buckets", descriptor.bucket_count.value_or(0)}});
      text.AddRow({fmt::format("{}", table->path), kind, fmt::format("{}", descriptor.schema.column_count()),
                   KeysText(descriptor.partition_keys), fmt::format("{}", descriptor.bucket_count.value_or(0))});
    }
  }
  if (arguments.json) {
    fmt::print("{}\n", list.dump(2));
  } else if (count == 0) {
    fmt::print("no tables\n");
  } else {
    fmt::print("{}", text.ToString());
  }
  return arrow::Status::OK();
}

/// What every partition, or the table itself where it has none, holds.
struct Extent {
  std::string partition;
  BucketId bucket{};
  LogOffset start{}, end{};
};

arrow::Result<std::vector<Extent>> Extents(client::Connection& connection, const client::TableInfo& table) {
  std::vector<client::PartitionInfo> parts{{kNoPartition, {}}};
  if (table.descriptor.IsPartitioned()) {
    ARROW_ASSIGN_OR_RAISE(parts, client::ListPartitions(connection, table));
  }
  std::vector<Extent> extents;
  for (const auto& part : parts) {
    ARROW_ASSIGN_OR_RAISE(const auto starts,
                          client::ListOffsets(connection, table, part.id, client::OffsetKind::kEarliest));
    ARROW_ASSIGN_OR_RAISE(const auto ends,
                          client::ListOffsets(connection, table, part.id, client::OffsetKind::kLatest));
    for (size_t i = 0; i < starts.size(); ++i) {
      extents.push_back({part.name(), BucketId(static_cast<int32_t>(i)), starts[i], ends[i]});
    }
  }
  return extents;
}

void PrintDescription(const client::TableInfo& table, const std::vector<Extent>& extents) {
  const auto& descriptor = table.descriptor;
  fmt::print("{} ({}, id {}, schema version {})\n", table.path,
             descriptor.HasPrimaryKey() ? "primary key table" : "log table", table.id, table.schema_id);
  if (descriptor.comment && !descriptor.comment->empty()) fmt::print("{}\n", *descriptor.comment);
  fmt::print("created {}, changed {}\n\n", InstantText(table.created_ms), InstantText(table.modified_ms));
  TextTable columns({"COLUMN", "TYPE", "COMMENT"});
  for (const auto& column : descriptor.schema.columns()) {
    std::string type = column.type.ToString();
    if (column.agg_function) type += fmt::format(" ({})", column.agg_function->type);
    columns.AddRow({column.name, std::move(type), column.comment.value_or("")});
  }
  fmt::print("{}\n", columns.ToString());
  if (descriptor.HasPrimaryKey()) fmt::print("primary key     {}\n", KeysText(descriptor.schema.primary_key()));
  if (descriptor.IsPartitioned()) fmt::print("partitioned by  {}\n", KeysText(descriptor.partition_keys));
  if (!descriptor.bucket_keys.empty()) fmt::print("bucket key      {}\n", KeysText(descriptor.bucket_keys));
  fmt::print("buckets         {}\n", descriptor.bucket_count.value_or(0));
  for (const auto& [key, value] : descriptor.properties) fmt::print("{} = {}\n", key, value);
  for (const auto& [key, value] : descriptor.custom_properties) fmt::print("{} = {}\n", key, value);
  if (extents.empty()) return;
  std::vector<std::string> head{"BUCKET", "FIRST OFFSET", "NEXT OFFSET", "ROWS"};
  if (descriptor.IsPartitioned()) head.insert(head.begin(), "PARTITION");
  TextTable text(std::move(head));
  for (const auto& extent : extents) {
    std::vector<std::string> row{fmt::format("{}", extent.bucket), fmt::format("{}", extent.start),
                                 fmt::format("{}", extent.end),
                                 WithSeparators(static_cast<uint64_t>(extent.end - extent.start))};
    if (descriptor.IsPartitioned()) row.insert(row.begin(), extent.partition);
    text.AddRow(std::move(row));
  }
  fmt::print("\n{}", text.ToString());
}

arrow::Status Describe(const TableArguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const auto path, ParseTablePath(arguments.name));
  ARROW_ASSIGN_OR_RAISE(const auto connection, arguments.access.Connect());
  ARROW_ASSIGN_OR_RAISE(const auto table, client::GetTable(*connection, path));
  std::vector<Extent> extents;
  if (!table.descriptor.HasPrimaryKey()) {
    ARROW_ASSIGN_OR_RAISE(extents, Extents(*connection, table));
  }
  if (!arguments.json) {
    PrintDescription(table, extents);
    return arrow::Status::OK();
  }
  Json buckets = Json::array();
  for (const auto& extent : extents) {
    buckets.push_back({{"partition", extent.partition.empty() ? Json() : Json(extent.partition)},
                       {"bucket", extent.bucket.value},
                       {"first_offset", extent.start.value},
                       {"next_offset", extent.end.value}});
  }
  const Json json{{"database", path.database},
                  {"table", path.table},
                  {"id", table.id.value},
                  {"schema_version", table.schema_id.value},
                  {"created_ms", table.created_ms},
                  {"modified_ms", table.modified_ms},
                  {"descriptor", Json::parse(table.descriptor.ToJson(), nullptr, false)},
                  {"buckets", buckets}};
  fmt::print("{}\n", json.dump(2));
  return arrow::Status::OK();
}

arrow::Status Create(const TableArguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const auto path, ParseTablePath(arguments.name));
  schema::TableDescriptor table;
  ARROW_ASSIGN_OR_RAISE(const auto columns, schema::SchemaFromText(arguments.columns));
  ARROW_ASSIGN_OR_RAISE(table.schema, WithAggregation(columns, arguments.aggregations));
  if (!arguments.aggregations.empty()) table.properties[std::string(schema::kMergeEngine)] = "aggregation";
  table.partition_keys = arguments.partition_keys;
  table.bucket_keys = arguments.bucket_keys;
  if (arguments.buckets > 0) table.bucket_count = arguments.buckets;
  if (!arguments.comment.empty()) table.comment = arguments.comment;
  for (const auto& option : arguments.options) {
    ARROW_ASSIGN_OR_RAISE(auto pair, SplitOption(option));
    auto& to = pair.first.starts_with("table.") ? table.properties : table.custom_properties;
    to[pair.first] = pair.second;
  }
  ARROW_RETURN_NOT_OK(table.Normalize());
  ARROW_ASSIGN_OR_RAISE(const auto connection, arguments.access.Connect());
  if (arguments.create_database) ARROW_RETURN_NOT_OK(client::CreateDatabase(*connection, path.database, true));
  const arrow::Status created = client::CreateTable(*connection, path, table, arguments.lenient);
  if (CodeOf(created) == ErrorCode::kDatabaseNotExist) {
    return Error(ErrorCode::kDatabaseNotExist, "{} --create-database makes it, too.", created.message());
  }
  ARROW_RETURN_NOT_OK(created);
  fmt::print("created {}\n", path);
  return arrow::Status::OK();
}

arrow::Status Drop(const TableArguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const auto path, ParseTablePath(arguments.name));
  ARROW_ASSIGN_OR_RAISE(const auto connection, arguments.access.Connect());
  ARROW_RETURN_NOT_OK(client::DropTable(*connection, path, arguments.lenient));
  fmt::print("dropped {}\n", path);
  return arrow::Status::OK();
}

arrow::Status Alter(const TableArguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const auto path, ParseTablePath(arguments.name));
  schema::TableChange change;
  for (const auto& option : arguments.set) {
    ARROW_ASSIGN_OR_RAISE(auto pair, SplitOption(option));
    change.options.push_back({.key = pair.first, .value = pair.second, .operation = schema::kOptionSet});
  }
  for (const auto& key : arguments.unset) {
    change.options.push_back({.key = key, .value = std::nullopt, .operation = schema::kOptionDelete});
  }
  for (const auto& text : arguments.add_columns) {
    ARROW_ASSIGN_OR_RAISE(const auto added, schema::SchemaFromText(text));
    for (const auto& column : added.columns()) {
      change.added_columns.push_back({.name = column.name, .type = column.type, .comment = column.comment});
    }
  }
  if (change.options.empty() && change.added_columns.empty()) {
    return Error(ErrorCode::kInvalidAlterTable, "Nothing to change: give --set, --unset or --add-column.");
  }
  ARROW_ASSIGN_OR_RAISE(const auto connection, arguments.access.Connect());
  ARROW_RETURN_NOT_OK(client::AlterTable(*connection, path, change));
  fmt::print("altered {}\n", path);
  return arrow::Status::OK();
}

/// One subcommand of `table` with arguments of its own: the environment fills in those of every command, chosen or not.
struct Verb {
  std::shared_ptr<TableArguments> arguments;
  CLI::App* app;
};

Verb AddVerb(CLI::App& table, Action* action, const std::string& name, const std::string& help,
             arrow::Status (*run)(const TableArguments&)) {
  const Verb verb{std::make_shared<TableArguments>(), table.add_subcommand(name, help)};
  verb.arguments->access.AddTo(*verb.app);
  verb.app->callback([=, arguments = verb.arguments] { *action = [=] { return run(*arguments); }; });
  return verb;
}

void AddName(const Verb& verb) {
  verb.app->add_option("TABLE", verb.arguments->name, "NAME, or DATABASE.NAME")->required()->type_name("");
}

void AddCreate(CLI::App& table, Action* action) {
  const Verb create = AddVerb(table, action, "create", "Create a table", Create);
  auto& arguments = *create.arguments;
  AddName(create);
  create.app->add_option("COLUMNS", arguments.columns, "As in SQL: \"id BIGINT NOT NULL, name STRING\"")
      ->required()
      ->type_name("");
  create.app->add_option("--partition-by", arguments.partition_keys, "Columns that name the partition")
      ->delimiter(',')
      ->type_name("COLUMN,…");
  create.app->add_option("--bucket-key", arguments.bucket_keys, "Columns whose hash chooses the bucket")
      ->delimiter(',')
      ->type_name("COLUMN,…");
  create.app->add_option("--buckets", arguments.buckets, "Buckets of the table, or of each partition")
      ->check(CLI::Range(1, 1 << 20))
      ->type_name("COUNT");
  create.app
      ->add_option("--aggregate", arguments.aggregations,
                   "How rows of the same key meet: total=sum, names=listagg(;); more than once")
      ->type_name("COLUMN=FUNCTION")
      ->take_all();
  create.app->add_option("--option", arguments.options, "Such as table.log.ttl=30d; more than once")
      ->type_name("NAME=VALUE")
      ->take_all();
  create.app->add_option("--comment", arguments.comment, "What the table is for")->type_name("TEXT");
  create.app->add_flag("--create-database", arguments.create_database, "Create the database too, where it is missing");
  create.app->add_flag("--if-not-exists", arguments.lenient, "No error where the table exists");
  create.app->footer(
      "  thalweg table create shop.orders \"id BIGINT NOT NULL, day STRING, price DECIMAL(10, 2)\" \\\n"
      "      --partition-by day --buckets 4 --option table.log.ttl=30d --create-database");
}

void AddAlter(CLI::App& table, Action* action) {
  const Verb alter = AddVerb(table, action, "alter", "Set options, add columns", Alter);
  AddName(alter);
  alter.app->add_option("--set", alter.arguments->set, "Set an option; more than once")
      ->type_name("NAME=VALUE")
      ->take_all();
  alter.app->add_option("--unset", alter.arguments->unset, "Go back to an option's default")
      ->type_name("NAME")
      ->take_all();
  alter.app->add_option("--add-column", alter.arguments->add_columns, "Add a column at the end: \"note STRING\"")
      ->type_name("COLUMN")
      ->take_all();
}

}  // namespace

void AddTableCommand(CLI::App& app, Action* action) {
  CLI::App* table = app.add_subcommand("table", "List, describe, create, alter and drop tables; list their options");
  table->require_subcommand(1);

  const Verb list = AddVerb(*table, action, "list", "Tables of one database, or of all", List);
  list.app->add_option("DATABASE", list.arguments->database, "Only this database")->type_name("");
  list.app->add_flag("--json", list.arguments->json, "For programs");

  const Verb describe = AddVerb(*table, action, "describe", "Columns, options and extent of a table", Describe);
  AddName(describe);
  describe.app->add_flag("--json", describe.arguments->json, "For programs");

  AddCreate(*table, action);
  AddAlter(*table, action);

  table->add_subcommand("options", "Print every option that a table can have, in Markdown")->callback([action] {
    *action = [] {
      fmt::print("{}", TableOptionPage());
      return arrow::Status::OK();
    };
  });

  const Verb drop = AddVerb(*table, action, "drop", "Drop a table and everything in it", Drop);
  AddName(drop);
  drop.app->add_flag("--if-exists", drop.arguments->lenient, "No error where there is none");
}

}  // namespace thalweg::cli
