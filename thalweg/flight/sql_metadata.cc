#include "thalweg/flight/sql_metadata.h"

#include <string>
#include <utility>
#include <vector>

#include "arrow/array/builder_binary.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/ipc/writer.h"
#include "arrow/record_batch.h"
#include "arrow/table.h"
#include "arrow/type.h"
#include "arrow/util/key_value_metadata.h"
#include "proto/arrow/flight/protocol/sql.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/flight/sql_info.h"

namespace thalweg::flight {
namespace {

namespace sql_pb = ::arrow::flight::protocol::sql;
using BatchPtr = std::shared_ptr<arrow::RecordBatch>;

constexpr const char* kTableType = "TABLE";

std::shared_ptr<arrow::Field> Text(const char* name, bool nullable = true) {
  return arrow::field(name, arrow::utf8(), nullable);
}
std::shared_ptr<arrow::Field> Needed(const char* name) { return Text(name, /*nullable=*/false); }

using Row = std::vector<std::string>;

/// Rows of texts, in a schema that has nothing else.
arrow::Result<BatchPtr> Texts(const std::shared_ptr<arrow::Schema>& schema, const std::vector<Row>& rows) {
  arrow::ArrayVector columns;
  for (int i = 0; i < schema->num_fields(); ++i) {
    arrow::StringBuilder builder;
    for (const Row& row : rows) ARROW_RETURN_NOT_OK(builder.Append(row[static_cast<size_t>(i)]));
    ARROW_ASSIGN_OR_RAISE(columns.emplace_back(), builder.Finish());
  }
  return arrow::RecordBatch::Make(schema, static_cast<int64_t>(rows.size()), std::move(columns));
}

bool IsOurCatalog(bool given, const std::string& catalog) { return !given || catalog == kSqlCatalog; }

arrow::Result<BatchPtr> Catalogs() { return Texts(arrow::schema({Needed("catalog_name")}), {{kSqlCatalog}}); }

arrow::Result<BatchPtr> TableTypes() { return Texts(arrow::schema({Needed("table_type")}), {{kTableType}}); }

arrow::Result<BatchPtr> Databases(const Call& call, const sql_pb::CommandGetDbSchemas& command) {
  std::vector<Row> rows;
  for (const auto& database : call.session.ListDatabasesOfTables()) {
    if (!IsOurCatalog(command.has_catalog(), command.catalog())) break;
    if (command.has_db_schema_filter_pattern() && !MatchesPattern(database->name, command.db_schema_filter_pattern())) {
      continue;
    }
    rows.push_back({kSqlCatalog, database->name});
  }
  return Texts(arrow::schema({Text("catalog_name"), Needed("db_schema_name")}), rows);
}

/// Of a table, with what Flight SQL says about columns beside their types.
arrow::Result<std::string> SchemaText(const query::Table& table) {
  arrow::FieldVector fields;
  for (int i = 0; i < table.arrow_schema()->num_fields(); ++i) {
    const auto& column = table.schema().columns()[static_cast<size_t>(i)];
    fields.push_back(table.arrow_schema()->field(i)->WithMetadata(
        arrow::key_value_metadata({{"ARROW:FLIGHT:SQL:CATALOG_NAME", kSqlCatalog},
                                   {"ARROW:FLIGHT:SQL:DB_SCHEMA_NAME", table.path().database},
                                   {"ARROW:FLIGHT:SQL:TABLE_NAME", table.path().table},
                                   {"ARROW:FLIGHT:SQL:TYPE_NAME", std::string(schema::KindName(column.type.kind))}})));
  }
  ARROW_ASSIGN_OR_RAISE(const auto bytes, arrow::ipc::SerializeSchema(*arrow::schema(std::move(fields))));
  return bytes->ToString();
}

bool WantsTables(const sql_pb::CommandGetTables& command) {
  if (command.table_types().empty()) return true;
  for (const auto& type : command.table_types()) {
    if (type == kTableType) return true;
  }
  return false;
}

arrow::Result<std::vector<query::TablePtr>> FindTables(const Call& call, const sql_pb::CommandGetTables& command) {
  std::vector<query::TablePtr> found;
  if (!IsOurCatalog(command.has_catalog(), command.catalog()) || !WantsTables(command)) return found;
  for (const auto& database : call.session.ListDatabasesOfTables()) {
    if (command.has_db_schema_filter_pattern() && !MatchesPattern(database->name, command.db_schema_filter_pattern())) {
      continue;
    }
    const auto tables = call.session.ListTables(database->name);
    if (!tables.ok()) continue;  // gone since
    for (const auto& table : *tables) {
      if (command.has_table_name_filter_pattern() &&
          !MatchesPattern(table->path.table, command.table_name_filter_pattern())) {
        continue;
      }
      if (auto made = call.session.FindTable(table->path); made.ok()) found.push_back(std::move(*made));
    }
  }
  return found;
}

arrow::Result<BatchPtr> Tables(const Call& call, const sql_pb::CommandGetTables& command) {
  ARROW_ASSIGN_OR_RAISE(const auto tables, FindTables(call, command));
  std::vector<Row> rows;
  arrow::BinaryBuilder schemas;
  for (const auto& table : tables) {
    rows.push_back({kSqlCatalog, table->path().database, table->path().table, kTableType});
    if (!command.include_schema()) continue;
    ARROW_ASSIGN_OR_RAISE(const std::string text, SchemaText(*table));
    ARROW_RETURN_NOT_OK(schemas.Append(text));
  }
  ARROW_ASSIGN_OR_RAISE(
      auto batch,
      Texts(arrow::schema({Text("catalog_name"), Text("db_schema_name"), Needed("table_name"), Needed("table_type")}),
            rows));
  if (!command.include_schema()) return batch;
  ARROW_ASSIGN_OR_RAISE(const auto column, schemas.Finish());
  return batch->AddColumn(4, arrow::field("table_schema", arrow::binary(), /*nullable=*/false), column);
}

arrow::Result<BatchPtr> PrimaryKeys(const Call& call, const sql_pb::CommandGetPrimaryKeys& command) {
  std::vector<Row> rows;
  arrow::Int32Builder sequence;
  for (const auto& database : call.session.ListDatabasesOfTables()) {
    if (!IsOurCatalog(command.has_catalog(), command.catalog())) break;
    if (command.has_db_schema() && command.db_schema() != database->name) continue;
    const auto table = call.session.FindTable({database->name, command.table()});
    if (!table.ok()) continue;  // not in this one
    int32_t number = 0;
    for (const auto& column : (*table)->schema().primary_key()) {
      rows.push_back({kSqlCatalog, database->name, command.table(), column, "PRIMARY KEY"});
      ARROW_RETURN_NOT_OK(sequence.Append(++number));
    }
  }
  ARROW_ASSIGN_OR_RAISE(const auto batch,
                        Texts(arrow::schema({Text("catalog_name"), Text("db_schema_name"), Needed("table_name"),
                                             Needed("column_name"), Text("key_name")}),
                              rows));
  ARROW_ASSIGN_OR_RAISE(const auto column, sequence.Finish());
  return batch->AddColumn(5, arrow::field("key_sequence", arrow::int32(), /*nullable=*/false), column);
}

/// There are no foreign keys.
arrow::Result<BatchPtr> ForeignKeys() {
  const auto number = [](const char* name, std::shared_ptr<arrow::DataType> type) {
    return arrow::field(name, std::move(type), /*nullable=*/false);
  };
  return arrow::RecordBatch::MakeEmpty(arrow::schema(
      {Text("pk_catalog_name"), Text("pk_db_schema_name"), Needed("pk_table_name"), Needed("pk_column_name"),
       Text("fk_catalog_name"), Text("fk_db_schema_name"), Needed("fk_table_name"), Needed("fk_column_name"),
       number("key_sequence", arrow::int32()), Text("fk_key_name"), Text("pk_key_name"),
       number("update_rule", arrow::uint8()), number("delete_rule", arrow::uint8())}));
}

template <typename Message>
arrow::Result<Message> Parse(const Envelope& command) {
  Message message;
  ARROW_RETURN_NOT_OK(ParseMessage(command.body, &message));
  return message;
}

}  // namespace

bool MatchesPattern(std::string_view text, std::string_view pattern) {
  // The place of the last "%", and how much of the text it stood for: the only one to come back to.
  size_t at = 0;
  size_t i = 0;
  size_t star = std::string_view::npos;
  size_t resume = 0;
  while (i < text.size()) {
    if (at < pattern.size() && pattern[at] == '%') {
      star = at++;
      resume = i;
    } else if (at < pattern.size() && (pattern[at] == '_' || pattern[at] == text[i])) {
      ++at;
      ++i;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      i = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('%', at) == std::string_view::npos;
}

arrow::Result<std::optional<BatchPtr>> SqlMetadata(const Call& call, const Envelope& command) {
  constexpr std::string_view kPackage = "arrow.flight.protocol.sql.Command";
  if (!command.name.starts_with(kPackage)) return std::nullopt;
  const std::string_view what = std::string_view(command.name).substr(kPackage.size());
  if (what == "GetCatalogs") return Catalogs();
  if (what == "GetTableTypes") return TableTypes();
  if (what == "GetExportedKeys" || what == "GetImportedKeys" || what == "GetCrossReference") return ForeignKeys();
  if (what == "GetDbSchemas") {
    ARROW_ASSIGN_OR_RAISE(const auto message, Parse<sql_pb::CommandGetDbSchemas>(command));
    return Databases(call, message);
  }
  if (what == "GetTables") {
    ARROW_ASSIGN_OR_RAISE(const auto message, Parse<sql_pb::CommandGetTables>(command));
    return Tables(call, message);
  }
  if (what == "GetPrimaryKeys") {
    ARROW_ASSIGN_OR_RAISE(const auto message, Parse<sql_pb::CommandGetPrimaryKeys>(command));
    return PrimaryKeys(call, message);
  }
  if (what == "GetSqlInfo") {
    ARROW_ASSIGN_OR_RAISE(const auto message, Parse<sql_pb::CommandGetSqlInfo>(command));
    return SqlInfo({message.info().begin(), message.info().end()}, call.services.version);
  }
  if (what == "GetXdbcTypeInfo") {
    ARROW_ASSIGN_OR_RAISE(const auto message, Parse<sql_pb::CommandGetXdbcTypeInfo>(command));
    return XdbcTypes(message.has_data_type() ? std::optional(message.data_type()) : std::nullopt);
  }
  return std::nullopt;
}

}  // namespace thalweg::flight
