#include "thalweg/sql/definition.h"

#include <algorithm>
#include <array>
#include <utility>

#include "fmt/format.h"
#include "thalweg/base/error.h"
#include "thalweg/sql/table_options_internal.h"
#include "thalweg/sql/token_reader_internal.h"

namespace thalweg::sql {
namespace {

class DefinitionReader {
 public:
  explicit DefinitionReader(TokenReader tokens) : tokens_(std::move(tokens)) {}

  arrow::Result<std::optional<Definition>> Read() {
    std::optional<Definition> definition;
    if (tokens_.now().Is("CREATE")) {
      if (tokens_.ahead(1).Is("OR") && tokens_.ahead(2).Is("REPLACE") && tokens_.ahead(3).Is("TABLE")) {
        return arrow::Status::Invalid("CREATE OR REPLACE TABLE is not supported: drop the table first.");
      }
      ARROW_ASSIGN_OR_RAISE(definition, Create());
    } else if (tokens_.now().Is("ALTER")) {
      ARROW_ASSIGN_OR_RAISE(definition, Alter());
    } else if (tokens_.now().Is("DROP")) {
      ARROW_ASSIGN_OR_RAISE(definition, Drop());
    }
    if (!definition) return std::nullopt;
    (void)tokens_.TakeSign(';');
    if (!tokens_.ended()) return tokens_.Wrong("the end of the statement");
    return definition;
  }

 private:
  using Some = arrow::Result<std::optional<Definition>>;

  bool IsDatabase(size_t ahead) const {
    return tokens_.ahead(ahead).Is("DATABASE") || tokens_.ahead(ahead).Is("SCHEMA");
  }
  void Skip(int count) {
    while (count-- > 0) tokens_.Skip();
  }
  arrow::Result<bool> IfNotExists() {
    if (!tokens_.Take("IF")) return false;
    ARROW_RETURN_NOT_OK(tokens_.Expect("NOT"));
    ARROW_RETURN_NOT_OK(tokens_.Expect("EXISTS"));
    return true;
  }
  arrow::Result<bool> IfExists() {
    if (!tokens_.Take("IF")) return false;
    ARROW_RETURN_NOT_OK(tokens_.Expect("EXISTS"));
    return true;
  }
  arrow::Result<TableName> Table() {
    TableName name;
    ARROW_ASSIGN_OR_RAISE(name.table, tokens_.Name("the name of a table"));
    if (tokens_.TakeSign('.')) {
      name.database = std::move(name.table);
      ARROW_ASSIGN_OR_RAISE(name.table, tokens_.Name("the name of a table"));
    }
    return name;
  }

  Some Create() {
    if (IsDatabase(1)) {
      Skip(2);
      CreateDatabase create;
      ARROW_ASSIGN_OR_RAISE(create.ignore_if_exists, IfNotExists());
      ARROW_ASSIGN_OR_RAISE(create.name, tokens_.Name("the name of a database"));
      if (tokens_.Take("COMMENT")) {
        ARROW_ASSIGN_OR_RAISE(create.descriptor.comment, tokens_.Text("the comment in single quotes"));
      }
      if (tokens_.Take("WITH")) {
        ARROW_ASSIGN_OR_RAISE(create.descriptor.custom_properties, Options());
      }
      return Definition(std::move(create));
    }
    if (!tokens_.ahead(1).Is("TABLE")) return std::nullopt;
    Skip(2);
    CreateTable create;
    ARROW_ASSIGN_OR_RAISE(create.ignore_if_exists, IfNotExists());
    ARROW_ASSIGN_OR_RAISE(create.name, Table());
    if (tokens_.now().Is("LIKE")) return tokens_.Wrong("columns, or AS and a query");
    std::vector<schema::Column> columns;
    if (tokens_.TakeSign('(')) ARROW_RETURN_NOT_OK(Columns(&create, &columns));
    ARROW_RETURN_NOT_OK(Clauses(&create));
    if (!create.query) {
      if (columns.empty()) return tokens_.Wrong("columns, or AS and a query");
      ARROW_ASSIGN_OR_RAISE(create.descriptor.schema, SchemaOf(create, std::move(columns)));
    } else if (!columns.empty()) {
      return arrow::Status::Invalid(
          "With AS and a query the columns come from the query: leave out their list, or have only a "
          "PRIMARY KEY in it.");
    }
    return Definition(std::move(create));
  }

  /// What stands behind "(".
  arrow::Status Columns(CreateTable* create, std::vector<schema::Column>* columns) {
    do {
      if (tokens_.now().Is("CONSTRAINT")) Skip(2);
      if (tokens_.Take("PRIMARY", "KEY")) {
        ARROW_ASSIGN_OR_RAISE(create->primary_key, tokens_.Names("a column of the key"));
        (void)tokens_.Take("NOT", "ENFORCED");
        continue;
      }
      for (const std::string_view other : {"WATERMARK", "UNIQUE", "CHECK", "FOREIGN"}) {
        if (tokens_.now().Is(other) && !tokens_.ahead(1).IsSign(',')) {
          return arrow::Status::Invalid(other, " is not supported in a table's definition (", tokens_.now().text, ").");
        }
      }
      ARROW_ASSIGN_OR_RAISE(auto column, Column(create));
      columns->push_back(std::move(column));
    } while (tokens_.TakeSign(','));
    return tokens_.ExpectSign(')');
  }

  /// `create` null: without PRIMARY KEY.
  arrow::Result<schema::Column> Column(CreateTable* create) {
    schema::Column column;
    ARROW_ASSIGN_OR_RAISE(column.name, tokens_.Name("the name of a column"));
    ARROW_ASSIGN_OR_RAISE(column.type, tokens_.Type());
    while (true) {
      if (tokens_.now().Is("NOT") || tokens_.now().Is("NULL")) {
        ARROW_RETURN_NOT_OK(tokens_.Nullability(&column.type));
      } else if (create != nullptr && tokens_.Take("PRIMARY")) {
        ARROW_RETURN_NOT_OK(tokens_.Expect("KEY"));
        create->primary_key.push_back(column.name);
        (void)tokens_.Take("NOT", "ENFORCED");
      } else if (tokens_.Take("COMMENT")) {
        ARROW_ASSIGN_OR_RAISE(column.comment, tokens_.Text("the comment in single quotes"));
      } else {
        return column;  // whatever follows is not expected: DEFAULT, AS, GENERATED, …
      }
    }
  }

  arrow::Status Clauses(CreateTable* create) {
    std::map<std::string, std::string> options;
    while (!tokens_.ended() && !tokens_.now().IsSign(';')) {
      if (tokens_.Take("COMMENT")) {
        ARROW_ASSIGN_OR_RAISE(create->descriptor.comment, tokens_.Text("the comment in single quotes"));
      } else if (tokens_.Take("PARTITIONED", "BY")) {
        ARROW_ASSIGN_OR_RAISE(create->descriptor.partition_keys, tokens_.Names("a partition key"));
      } else if (tokens_.Take("WITH")) {
        ARROW_ASSIGN_OR_RAISE(options, Options());
      } else if (tokens_.Take("AS")) {
        create->query = tokens_.rest();
        while (!tokens_.ended()) tokens_.Skip();
      } else {
        return tokens_.Wrong("COMMENT, PARTITIONED BY, WITH, AS or the end");
      }
    }
    return ApplyTableOptions(options, create);
  }

  /// ('key' = 'value', …)
  arrow::Result<std::map<std::string, std::string>> Options() {
    ARROW_RETURN_NOT_OK(tokens_.ExpectSign('('));
    std::map<std::string, std::string> options;
    do {
      ARROW_ASSIGN_OR_RAISE(std::string key, OptionKey());
      ARROW_RETURN_NOT_OK(tokens_.ExpectSign('='));
      const Token& value = tokens_.now();
      if (value.kind != TokenKind::kText && value.kind != TokenKind::kNumber && value.kind != TokenKind::kWord) {
        return tokens_.Wrong("a value in single quotes");
      }
      if (!options.emplace(key, value.text).second) {
        return arrow::Status::Invalid("The option '", key, "' is given twice.");
      }
      tokens_.Skip();
    } while (tokens_.TakeSign(','));
    ARROW_RETURN_NOT_OK(tokens_.ExpectSign(')'));
    return options;
  }

  arrow::Result<std::string> OptionKey() {
    if (tokens_.now().kind == TokenKind::kText) return tokens_.Text("");
    ARROW_ASSIGN_OR_RAISE(std::string key, tokens_.Name("the name of an option in single quotes"));
    while (tokens_.now().IsSign('.') || tokens_.now().IsSign('-')) {
      key += tokens_.now().text;
      tokens_.Skip();
      ARROW_ASSIGN_OR_RAISE(const std::string part, tokens_.Name("more of the option's name"));
      key += part;
    }
    return key;
  }

  /// SET (…) or RESET (…); empty where neither stands here.
  arrow::Result<std::vector<schema::OptionChange>> OptionChanges() {
    std::vector<schema::OptionChange> changes;
    if (tokens_.Take("SET")) {
      ARROW_ASSIGN_OR_RAISE(const auto options, Options());
      for (const auto& [key, value] : options) changes.push_back({.key = key, .value = value});
    } else if (tokens_.Take("RESET")) {
      ARROW_RETURN_NOT_OK(tokens_.ExpectSign('('));
      do {
        ARROW_ASSIGN_OR_RAISE(auto key, OptionKey());
        changes.push_back({.key = std::move(key), .operation = schema::kOptionDelete});
      } while (tokens_.TakeSign(','));
      ARROW_RETURN_NOT_OK(tokens_.ExpectSign(')'));
    }
    return changes;
  }

  Some Alter() {
    if (IsDatabase(1)) {
      Skip(2);
      AlterDatabase alter;
      ARROW_ASSIGN_OR_RAISE(alter.name, tokens_.Name("the name of a database"));
      ARROW_ASSIGN_OR_RAISE(alter.properties, OptionChanges());
      if (alter.properties.empty()) return tokens_.Wrong("SET or RESET");
      return Definition(std::move(alter));
    }
    if (!tokens_.ahead(1).Is("TABLE")) return std::nullopt;
    Skip(2);
    AlterTable alter;
    ARROW_ASSIGN_OR_RAISE(alter.ignore_if_not_exists, IfExists());
    ARROW_ASSIGN_OR_RAISE(alter.name, Table());
    for (const std::string_view word : {"RENAME", "MODIFY", "ALTER"}) {
      if (tokens_.now().Is(word)) {
        return Error(ErrorCode::kInvalidAlterTable,
                     "ALTER TABLE … {} is not possible: columns can be added at the end, options set and reset.", word);
      }
    }
    if (tokens_.Take("DROP")) return DropPartitionOf(std::move(alter.name));
    if (tokens_.Take("ADD")) return Add(std::move(alter));
    ARROW_ASSIGN_OR_RAISE(alter.change.options, OptionChanges());
    if (alter.change.options.empty()) return tokens_.Wrong("ADD, DROP PARTITION, SET or RESET");
    ARROW_RETURN_NOT_OK(CheckTableOptionChanges(alter.change.options));
    return Definition(std::move(alter));
  }

  /// Behind ALTER TABLE name ADD.
  Some Add(AlterTable alter) {
    const bool if_not_exists = tokens_.now().Is("IF");
    if (if_not_exists || tokens_.now().Is("PARTITION")) {
      AddPartition add{.table = std::move(alter.name)};
      ARROW_ASSIGN_OR_RAISE(add.ignore_if_exists, IfNotExists());
      ARROW_ASSIGN_OR_RAISE(add.spec, Partition());
      return Definition(std::move(add));
    }
    (void)tokens_.Take("COLUMN");
    const bool several = tokens_.TakeSign('(');
    do {
      ARROW_ASSIGN_OR_RAISE(auto column, Column(nullptr));
      if (!column.type.nullable) {
        return Error(ErrorCode::kInvalidAlterTable,
                     "Column {} is new and must be nullable: rows that are there have none.", column.name);
      }
      alter.change.added_columns.push_back(
          {.name = std::move(column.name), .type = std::move(column.type), .comment = std::move(column.comment)});
    } while (several && tokens_.TakeSign(','));
    if (several) ARROW_RETURN_NOT_OK(tokens_.ExpectSign(')'));
    return Definition(std::move(alter));
  }

  /// Behind ALTER TABLE name DROP.
  Some DropPartitionOf(TableName table) {
    DropPartition drop{.table = std::move(table)};
    ARROW_ASSIGN_OR_RAISE(drop.ignore_if_not_exists, IfExists());
    if (!tokens_.now().Is("PARTITION")) {
      return Error(ErrorCode::kInvalidAlterTable, "Columns cannot be dropped; expected PARTITION behind DROP.");
    }
    ARROW_ASSIGN_OR_RAISE(drop.spec, Partition());
    return Definition(std::move(drop));
  }

  arrow::Result<schema::PartitionSpec> Partition() {
    ARROW_RETURN_NOT_OK(tokens_.Expect("PARTITION"));
    ARROW_ASSIGN_OR_RAISE(const auto options, Options());
    return schema::PartitionSpec(options.begin(), options.end());
  }

  Some Drop() {
    if (IsDatabase(1)) {
      Skip(2);
      DropDatabase drop;
      ARROW_ASSIGN_OR_RAISE(drop.ignore_if_not_exists, IfExists());
      ARROW_ASSIGN_OR_RAISE(drop.name, tokens_.Name("the name of a database"));
      drop.cascade = tokens_.Take("CASCADE");
      (void)tokens_.Take("RESTRICT");
      return Definition(std::move(drop));
    }
    if (!tokens_.ahead(1).Is("TABLE")) return std::nullopt;
    Skip(2);
    DropTable drop;
    ARROW_ASSIGN_OR_RAISE(drop.ignore_if_not_exists, IfExists());
    ARROW_ASSIGN_OR_RAISE(drop.name, Table());
    return Definition(std::move(drop));
  }

  TokenReader tokens_;
};

}  // namespace

arrow::Result<std::optional<Definition>> ParseDefinition(std::string_view statement) {
  ARROW_ASSIGN_OR_RAISE(auto tokens, TokenReader::Make(statement));
  return DefinitionReader(std::move(tokens)).Read();
}

arrow::Result<schema::Schema> SchemaOf(const CreateTable& create, std::vector<schema::Column> columns) {
  for (const auto& [name, function] : create.agg_functions) {
    const auto column = std::ranges::find(columns, name, &schema::Column::name);
    if (column == columns.end()) {
      return Error(ErrorCode::kInvalidConfig, "There is no column {} for the option 'fields.{}.agg'.", name, name);
    }
    column->agg_function = function;
  }
  return schema::Schema::Make({.columns = std::move(columns),
                               .primary_key = create.primary_key,
                               .auto_increment_columns = create.auto_increment_columns});
}

}  // namespace thalweg::sql
