#include <array>
#include <string_view>

#include "duckdb/parser/parsed_data/create_info.hpp"
#include "duckdb/parser/parsed_data/drop_info.hpp"
#include "duckdb/parser/statement/create_statement.hpp"
#include "duckdb/parser/statement/drop_statement.hpp"
#include "duckdb/parser/statement/explain_statement.hpp"
#include "fmt/format.h"
#include "thalweg/sql/statement_rules_internal.h"

namespace thalweg::sql {
namespace {

arrow::Status Refuse(std::string_view what, std::string_view why) {
  return arrow::Status::Invalid(what, " is not possible here: ", why);
}

}  // namespace

bool IsOfSession(const duckdb::SQLStatement& statement) {
  switch (statement.type) {
    case duckdb::StatementType::CREATE_STATEMENT:
      return statement.Cast<duckdb::CreateStatement>().info->temporary;
    case duckdb::StatementType::DROP_STATEMENT:
      return true;  // of anything else our catalog refuses it
    default:
      return false;
  }
}

arrow::Status CheckAllowed(const duckdb::SQLStatement& statement) {
  using duckdb::StatementType;
  switch (statement.type) {
    case StatementType::SELECT_STATEMENT:
    case StatementType::INSERT_STATEMENT:
    case StatementType::UPDATE_STATEMENT:
    case StatementType::DELETE_STATEMENT:
    case StatementType::DROP_STATEMENT:
    case StatementType::RELATION_STATEMENT:
      return arrow::Status::OK();
    case StatementType::CREATE_STATEMENT:
      // One would be every session's.
      if (statement.Cast<duckdb::CreateStatement>().info->type != duckdb::CatalogType::SECRET_ENTRY) {
        return arrow::Status::OK();
      }
      return Refuse("A secret", "queries reach no network.");
    case StatementType::EXPLAIN_STATEMENT:
      return CheckAllowed(*statement.Cast<duckdb::ExplainStatement>().stmt);
    case StatementType::TRANSACTION_STATEMENT:
      return Refuse("A transaction", "each statement is one of its own.");
    case StatementType::SET_STATEMENT:
    case StatementType::VARIABLE_SET_STATEMENT:
    case StatementType::PRAGMA_STATEMENT:
      return Refuse("Changing this setting",
                    "the server's configuration decides; of a session only TimeZone and thalweg_at_least can be set.");
    case StatementType::COPY_STATEMENT:
    case StatementType::EXPORT_STATEMENT:
    case StatementType::COPY_DATABASE_STATEMENT:
      return Refuse(
          "COPY",
          "queries reach no files. `thalweg sql -c … --format parquet` writes answers, `thalweg produce` reads files.");
    case StatementType::ATTACH_STATEMENT:
    case StatementType::DETACH_STATEMENT:
      return Refuse("ATTACH", "queries reach no files and no network.");
    case StatementType::LOAD_STATEMENT:
    case StatementType::UPDATE_EXTENSIONS_STATEMENT:
      return Refuse("An extension", "what DuckDB has built in is all there is.");
    case StatementType::PREPARE_STATEMENT:
    case StatementType::EXECUTE_STATEMENT:
      return Refuse("PREPARE in SQL", "prepare statements through your client.");
    case StatementType::ALTER_STATEMENT:
      return Refuse("This ALTER", "see docs/sql.md for those of tables and databases.");
    case StatementType::MERGE_INTO_STATEMENT:
      return Refuse("MERGE INTO", "an INSERT into a table with a primary key replaces what is under the key.");
    case StatementType::CALL_STATEMENT:
      return Refuse("CALL", "there are no procedures.");
    default:
      return Refuse("This statement", duckdb::StatementTypeToString(statement.type));
  }
}

}  // namespace thalweg::sql
