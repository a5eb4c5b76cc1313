#include <algorithm>
#include <charconv>
#include <utility>
#include <variant>
#include <vector>

#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "duckdb/main/client_config.hpp"
#include "duckdb/main/prepared_statement.hpp"
#include "duckdb/parser/statement/select_statement.hpp"
#include "thalweg/base/error.h"
#include "thalweg/sql/catalog_internal.h"
#include "thalweg/sql/definition_runner_internal.h"
#include "thalweg/sql/duck_session_internal.h"
#include "thalweg/sql/row_stream_internal.h"
#include "thalweg/sql/statement_rules_internal.h"
#include "thalweg/sql/statement_text_internal.h"
#include "thalweg/sql/table_values.h"
#include "thalweg/sql/token.h"

namespace thalweg::sql {
namespace {

const std::shared_ptr<arrow::Schema>& NoColumns() {
  static const auto none = arrow::schema(arrow::FieldVector{});
  return none;
}

arrow::Status RefuseParameters(const std::shared_ptr<arrow::RecordBatch>& parameters) {
  if (parameters && parameters->num_columns() > 0) return arrow::Status::Invalid("This statement has no parameters.");
  return arrow::Status::OK();
}

/// A statement that DuckDB runs.
class DuckStatement final : public Statement {
 public:
  /// Inside of Run.
  static arrow::Result<std::shared_ptr<Statement>> Make(std::shared_ptr<SessionCore> core,
                                                        duckdb::unique_ptr<duckdb::SQLStatement> parsed) {
    ARROW_RETURN_NOT_OK(CheckAllowed(*parsed));
    std::shared_ptr<DuckStatement> made(new DuckStatement(std::move(core)));
    const bool of_session = IsOfSession(*parsed);
    made->prepared_ = made->core_->connection().Prepare(std::move(parsed));
    auto& prepared = *made->prepared_;
    if (prepared.HasError()) return StatusOf(prepared.GetErrorObject());
    const auto gives = prepared.GetStatementProperties().return_type;
    made->kind_ = of_session                                           ? StatementKind::kSession
                  : gives == duckdb::StatementReturnType::QUERY_RESULT ? StatementKind::kQuery
                  : gives == duckdb::StatementReturnType::CHANGED_ROWS ? StatementKind::kChange
                                                                       : StatementKind::kSession;
    made->columns_ = made->kind_ == StatementKind::kQuery
                         ? SchemaOf(made->core_->context(), prepared.GetTypes(), prepared.GetNames())
                         : NoColumns();
    made->FindParameters();
    return made;
  }
  ~DuckStatement() override {
    if (!core_->closed()) {
      (void)core_->Run([&] {
        prepared_.reset();
        return arrow::Status::OK();
      });
    }
  }

  StatementKind kind() const override { return kind_; }
  const std::shared_ptr<arrow::Schema>& columns() const override { return columns_; }
  const std::shared_ptr<arrow::Schema>& parameters() const override { return parameters_; }

  arrow::Result<Answer> Execute(const std::shared_ptr<arrow::RecordBatch>& parameters) override {
    return core_->Run([&]() -> arrow::Result<Answer> {
      ARROW_RETURN_NOT_OK(core_->Begin());
      auto answer = Run(parameters);
      if (!answer.ok() || !answer->rows) core_->End();
      return answer;
    });
  }

 private:
  explicit DuckStatement(std::shared_ptr<SessionCore> core) : core_(std::move(core)) {}

  void FindParameters() {
    // Named ones come in the order in which DuckDB numbers them, which is that of their first place.
    names_.resize(prepared_->named_param_map.size());
    for (const auto& [name, number] : prepared_->named_param_map) names_[number - 1] = name;
    const auto expected = prepared_->GetExpectedParameterTypes();
    arrow::FieldVector fields;
    for (const auto& name : names_) {
      const auto found = expected.find(name);
      const bool known = found != expected.end() && found->second.id() != duckdb::LogicalTypeId::UNKNOWN &&
                         found->second.id() != duckdb::LogicalTypeId::INVALID &&
                         found->second.id() != duckdb::LogicalTypeId::SQLNULL;
      fields.push_back(known ? SchemaOf(core_->context(), {found->second}, {name})->field(0)
                             : arrow::field(name, arrow::null()));
    }
    parameters_ = arrow::schema(std::move(fields));
  }

  arrow::Result<Answer> Run(const std::shared_ptr<arrow::RecordBatch>& parameters) {
    const int given = parameters ? parameters->num_columns() : 0;
    if (static_cast<size_t>(given) != names_.size()) {
      return arrow::Status::Invalid("The statement has ", names_.size(), " parameters, ", given, " are given.");
    }
    duckdb::vector<duckdb::vector<duckdb::Value>> rows(1);
    if (given > 0) rows = ValuesOf(core_->context(), *parameters);
    if (kind_ != StatementKind::kChange && rows.size() != 1) {
      return arrow::Status::Invalid("A query takes one row of parameters, ", rows.size(), " are given.");
    }
    Answer answer{.kind = kind_};
    if (kind_ == StatementKind::kQuery || kind_ == StatementKind::kChange) answer.token = core_->token();
    for (const auto& row : rows) {
      ARROW_ASSIGN_OR_RAISE(auto result, RunWith(row));
      if (kind_ == StatementKind::kQuery) {
        ARROW_ASSIGN_OR_RAISE(answer.rows, MakeRowStream(core_, std::move(result)));
      } else if (kind_ == StatementKind::kChange) {
        const auto chunk = result->Fetch();
        if (chunk && chunk->size() > 0) answer.changed_rows += chunk->GetValue(0, 0).GetValue<int64_t>();
      }
    }
    return answer;
  }

  arrow::Result<duckdb::unique_ptr<duckdb::QueryResult>> RunWith(const duckdb::vector<duckdb::Value>& row) {
    duckdb::case_insensitive_map_t<duckdb::BoundParameterData> values;
    for (size_t i = 0; i < names_.size(); ++i) values.emplace(names_[i], duckdb::BoundParameterData(row[i]));
    auto result = prepared_->Execute(values, kind_ == StatementKind::kQuery);
    if (result->HasError()) return StatusOf(result->GetErrorObject());
    return result;
  }

  const std::shared_ptr<SessionCore> core_;
  duckdb::unique_ptr<duckdb::PreparedStatement> prepared_;
  StatementKind kind_ = StatementKind::kQuery;
  std::vector<std::string> names_;
  std::shared_ptr<arrow::Schema> columns_;
  std::shared_ptr<arrow::Schema> parameters_ = NoColumns();
};

/// What this folder does without DuckDB.
class OwnStatement final : public Statement {
 public:
  using Work = std::function<arrow::Result<Answer>(SessionCore&)>;
  OwnStatement(std::shared_ptr<SessionCore> core, StatementKind kind, Work work)
      : core_(std::move(core)), kind_(kind), work_(std::move(work)) {}

  StatementKind kind() const override { return kind_; }
  const std::shared_ptr<arrow::Schema>& columns() const override { return NoColumns(); }
  const std::shared_ptr<arrow::Schema>& parameters() const override { return NoColumns(); }

  arrow::Result<Answer> Execute(const std::shared_ptr<arrow::RecordBatch>& parameters) override {
    ARROW_RETURN_NOT_OK(RefuseParameters(parameters));
    return core_->Run([&]() -> arrow::Result<Answer> {
      ARROW_RETURN_NOT_OK(core_->Begin());
      auto answer = work_(*core_);
      core_->End();
      return answer;
    });
  }

 private:
  const std::shared_ptr<SessionCore> core_;
  const StatementKind kind_;
  const Work work_;
};

/// Inside of Run.
arrow::Result<std::shared_ptr<Statement>> PrepareForDuckDb(const std::shared_ptr<SessionCore>& core,
                                                           const std::string& text) {
  ARROW_ASSIGN_OR_RAISE(const std::string sql, ForDuckDb(text, core->database()));
  auto parsed = core->connection().ExtractStatements(sql);
  if (parsed.empty()) return arrow::Status::Invalid("There is no statement.");
  if (parsed.size() > 1) {
    return arrow::Status::Invalid("A PIVOT needs the values that become columns: write ON column IN (value, …).");
  }
  return DuckStatement::Make(core, std::move(parsed[0]));
}

/// Takes back a table that could not be filled.
arrow::Status NotFilled(const SessionCore& core, const schema::TablePath& path, const arrow::Status& why) {
  const auto dropped = RunDefinition(core.session(), core.database(), DropTable{.name = {path.database, path.table}});
  if (dropped.ok()) return why;
  return Error(CodeOf(why), "{} The table {} stays, with what has come into it: {}", why.message(), path,
               dropped.message());
}

/// CREATE TABLE … AS: makes the table after the query's columns, then fills it.
arrow::Result<Answer> CreateFromQuery(SessionCore& core, CreateTable create) {
  const auto path = create.name.In(core.database());
  if (std::exchange(create.ignore_if_exists, false) && core.session().FindTable(path).ok()) {
    return Answer{.kind = StatementKind::kChange};
  }
  const auto shared = core.shared_from_this();
  ARROW_ASSIGN_OR_RAISE(const auto query, PrepareForDuckDb(shared, *create.query));
  if (query->kind() != StatementKind::kQuery) return arrow::Status::Invalid("Behind AS a query is expected.");
  std::vector<schema::Column> columns;
  for (const auto& field : query->columns()->fields()) {
    auto type = ToTableType(*field->type());
    if (!type.ok()) return Error(CodeOf(type.status()), "Column {}: {}", field->name(), type.status().message());
    columns.push_back({.name = field->name(), .type = *std::move(type)});
  }
  ARROW_ASSIGN_OR_RAISE(create.descriptor.schema, SchemaOf(create, std::move(columns)));
  ARROW_RETURN_NOT_OK(RunDefinition(core.session(), core.database(), create));
  const std::string insert = "INSERT INTO " + duckdb::KeywordHelper::WriteQuoted(path.database, '"') + "." +
                             duckdb::KeywordHelper::WriteQuoted(path.table, '"') + " " + *create.query;
  auto result = core.connection().Query(insert);
  if (result->HasError()) return NotFilled(core, path, StatusOf(result->GetErrorObject()));
  return Answer{.kind = StatementKind::kChange,
                .changed_rows = result->GetValue(0, 0).GetValue<int64_t>(),
                .token = core.token()};
}

/// Whether `name` is a temporary table of the session, which goes before those of databases.
bool IsTemporary(SessionCore& core, const TableName& name) {
  if (name.database) return *name.database == "temp";
  bool found = false;
  core.context().RunFunctionInTransaction([&] {
    found = duckdb::Catalog::GetEntry<duckdb::TableCatalogEntry>(core.context(), "temp", "main", name.table,
                                                                 duckdb::OnEntryNotFound::RETURN_NULL) != nullptr;
  });
  return found;
}

arrow::Status SetTimeZone(SessionCore& core, const std::string& zone) {
  auto known = core.connection().Query("SELECT TIMESTAMPTZ '2000-01-01 00:00:00+00' AT TIME ZONE '" +
                                       duckdb::StringUtil::Replace(zone, "'", "''") + "'");
  if (known->HasError()) return StatusOf(known->GetErrorObject());
  duckdb::ClientConfig::GetConfig(core.context()).set_variables["TimeZone"] = duckdb::Value(zone);
  return arrow::Status::OK();
}

/// Inside of Run.
arrow::Result<std::shared_ptr<Statement>> PrepareAny(const std::shared_ptr<SessionCore>& core,
                                                     const std::string& text) {
  const auto own = [&](StatementKind kind, OwnStatement::Work work) -> std::shared_ptr<Statement> {
    return std::make_shared<OwnStatement>(core, kind, std::move(work));
  };
  ARROW_ASSIGN_OR_RAISE(auto database, DatabaseOfUse(text));
  if (database) {
    return own(StatementKind::kSession, [name = *std::move(database)](SessionCore& in) -> arrow::Result<Answer> {
      ARROW_RETURN_NOT_OK(in.UseDatabase(name));
      return Answer{.kind = StatementKind::kSession};
    });
  }
  ARROW_ASSIGN_OR_RAISE(auto zone, TimeZoneOfSet(text));
  if (zone) {
    return own(StatementKind::kSession, [zone = *std::move(zone)](SessionCore& in) -> arrow::Result<Answer> {
      ARROW_RETURN_NOT_OK(SetTimeZone(in, zone));
      return Answer{.kind = StatementKind::kSession};
    });
  }
  ARROW_ASSIGN_OR_RAISE(const auto at_least, AtLeastOfSet(text));
  if (at_least) {
    ARROW_ASSIGN_OR_RAISE(auto token, query::Token::Parse(*at_least));
    return own(StatementKind::kSession, [token = std::move(token)](SessionCore& in) -> arrow::Result<Answer> {
      ARROW_RETURN_NOT_OK(in.WaitFor(token));
      return Answer{.kind = StatementKind::kSession};
    });
  }
  ARROW_ASSIGN_OR_RAISE(auto definition, ParseDefinition(text));
  if (!definition) return PrepareForDuckDb(core, text);
  if (const auto* drop = std::get_if<DropTable>(&*definition); drop != nullptr && IsTemporary(*core, drop->name)) {
    return PrepareForDuckDb(core, text);
  }
  if (const auto* create = std::get_if<CreateTable>(&*definition); create != nullptr && create->query) {
    return own(StatementKind::kChange, [create = *create](SessionCore& in) { return CreateFromQuery(in, create); });
  }
  return own(StatementKind::kDefinition,
             [definition = *std::move(definition)](SessionCore& in) -> arrow::Result<Answer> {
               ARROW_RETURN_NOT_OK(RunDefinition(in.session(), in.database(), definition));
               return Answer{.kind = StatementKind::kDefinition};
             });
}

}  // namespace

arrow::Result<std::shared_ptr<Statement>> PrepareStatement(std::shared_ptr<SessionCore> core, std::string_view text) {
  ARROW_ASSIGN_OR_RAISE(const auto statements, SplitStatements(text));
  if (statements.size() != 1) {
    return arrow::Status::Invalid(statements.empty() ? "There is no statement."
                                                     : "There is more than one statement: send them one by one.");
  }
  return core->Run([&]() -> arrow::Result<std::shared_ptr<Statement>> {
    ARROW_RETURN_NOT_OK(core->Begin());
    auto statement = PrepareAny(core, statements[0]);
    core->End();
    return statement;
  });
}

}  // namespace thalweg::sql
