#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "arrow/array/array_base.h"
#include "arrow/c/bridge.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "duckdb/common/arrow/arrow_appender.hpp"
#include "duckdb/common/arrow/arrow_converter.hpp"
#include "duckdb/execution/physical_operator.hpp"
#include "duckdb/execution/physical_plan_generator.hpp"
#include "duckdb/planner/expression/bound_reference_expression.hpp"
#include "duckdb/planner/operator/logical_delete.hpp"
#include "duckdb/planner/operator/logical_insert.hpp"
#include "duckdb/planner/operator/logical_update.hpp"
#include "thalweg/base/error.h"
#include "thalweg/query/writer.h"
#include "thalweg/runtime/block_on.h"
#include "thalweg/sql/catalog_internal.h"
#include "thalweg/sql/table_values.h"

namespace thalweg::sql {
namespace {

// Rows of one write: what is collected before it goes to the table.
constexpr duckdb::idx_t kRowsPerWrite = 64 * 1024;

/// One column of what is written, and where it stands in the chunks that come.
struct WrittenColumn {
  size_t position;  ///< in the table
  duckdb::idx_t index;
};

struct Writing final : public duckdb::GlobalSinkState {
  std::unique_ptr<query::Writer> writer;
  duckdb::unique_ptr<duckdb::ArrowAppender> rows;
  duckdb::idx_t row_count = 0;
  int64_t written = 0;
};

/// Writes what its child gives: rows, new values under keys, or keys alone. Gives their number.
class PhysicalChange final : public duckdb::PhysicalOperator {
 public:
  PhysicalChange(duckdb::PhysicalPlan& plan, const char* name, query::TablePtr table, query::WriteKind kind,
                 std::vector<WrittenColumn> columns, duckdb::idx_t estimated_rows)
      : PhysicalOperator(plan, duckdb::PhysicalOperatorType::EXTENSION, {duckdb::LogicalType::BIGINT}, estimated_rows),
        name_(name),
        table_(std::move(table)),
        kind_(kind),
        columns_(std::move(columns)) {}

  duckdb::string GetName() const override { return name_; }
  duckdb::InsertionOrderPreservingMap<duckdb::string> ParamsToString() const override {
    duckdb::InsertionOrderPreservingMap<duckdb::string> text;
    text["Table"] = fmt::format("{}", table_->path());
    return text;
  }

  bool IsSink() const override { return true; }
  bool IsSource() const override { return true; }

  duckdb::unique_ptr<duckdb::GlobalSinkState> GetGlobalSinkState(duckdb::ClientContext& context) const override {
    auto writing = duckdb::make_uniq<Writing>();
    writing->writer =
        ValueOrThrow(query::Writer::Make(SessionState::Of(context).session(), {.table = table_, .kind = kind_}));
    return writing;
  }

  duckdb::SinkResultType Sink(duckdb::ExecutionContext& context, duckdb::DataChunk& chunk,
                              duckdb::OperatorSinkInput& input) const override {
    auto& writing = input.global_state.Cast<Writing>();
    duckdb::DataChunk part;
    const auto types = Types(chunk.GetTypes());
    part.InitializeEmpty(types);
    for (size_t i = 0; i < columns_.size(); ++i) part.data[i].Reference(chunk.data[columns_[i].index]);
    part.SetCardinality(chunk.size());
    if (!writing.rows) {
      const auto properties = context.client.GetClientProperties();
      writing.rows = duckdb::make_uniq<duckdb::ArrowAppender>(
          types, kRowsPerWrite, properties, duckdb::ArrowTypeExtensionData::GetExtensionTypes(context.client, types));
    }
    writing.rows->Append(part, 0, part.size(), part.size());
    writing.row_count += part.size();
    if (writing.row_count >= kRowsPerWrite) Write(context.client, writing, types);
    return duckdb::SinkResultType::NEED_MORE_INPUT;
  }

  duckdb::SinkFinalizeType Finalize(duckdb::Pipeline&, duckdb::Event&, duckdb::ClientContext& context,
                                    duckdb::OperatorSinkFinalizeInput& input) const override {
    auto& writing = input.global_state.Cast<Writing>();
    if (writing.row_count > 0) Write(context, writing, Types(children[0].get().GetTypes()));
    return duckdb::SinkFinalizeType::READY;
  }

  duckdb::SourceResultType GetData(duckdb::ExecutionContext&, duckdb::DataChunk& chunk,
                                   duckdb::OperatorSourceInput&) const override {
    chunk.SetCardinality(1);
    chunk.SetValue(0, 0, duckdb::Value::BIGINT(sink_state->Cast<Writing>().written));
    return duckdb::SourceResultType::FINISHED;
  }

 private:
  duckdb::vector<duckdb::LogicalType> Types(const duckdb::vector<duckdb::LogicalType>& all) const {
    duckdb::vector<duckdb::LogicalType> types;
    for (const auto& column : columns_) types.push_back(all[column.index]);
    return types;
  }

  void Write(duckdb::ClientContext& context, Writing& writing, const duckdb::vector<duckdb::LogicalType>& types) const {
    ThrowNotOk(SessionState::Of(context).cancelled());
    const auto& all = table_->schema().columns();
    duckdb::vector<duckdb::string> names;
    for (const auto& column : columns_) names.push_back(all[column.position].name);
    auto properties = context.GetClientProperties();
    ::ArrowSchema c_schema;
    duckdb::ArrowConverter::ToArrowSchema(&c_schema, types, names, properties);
    const auto given_schema = ValueOrThrow(arrow::ImportSchema(&c_schema));
    ::ArrowArray c_rows = writing.rows->Finalize();
    writing.rows.reset();
    const auto given = ValueOrThrow(arrow::ImportRecordBatch(&c_rows, given_schema));

    arrow::ArrayVector arrays;
    arrow::FieldVector fields;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const auto& column = all[columns_[i].position];
      auto array = ToTableArray(*given->column(static_cast<int>(i)), column.type);
      if (!array.ok()) {
        ThrowStatus(Error(CodeOf(array.status()), "Column {}: {}", column.name, array.status().message()));
      }
      arrays.push_back(*std::move(array));
      fields.push_back(arrow::field(column.name, arrays.back()->type(), column.type.nullable));
    }
    auto& workers = SessionState::Of(context).session().environment().workers;
    const auto answer = ValueOrThrow(runtime::BlockOn(
        workers, writing.writer->Write(
                     arrow::RecordBatch::Make(arrow::schema(std::move(fields)), given->num_rows(), std::move(arrays)),
                     workers)));
    writing.written += answer.rows;
    SessionState::Of(context).token()->Merge(answer.token);
    writing.row_count = 0;
  }

  const char* const name_;
  const query::TablePtr table_;
  const query::WriteKind kind_;
  const std::vector<WrittenColumn> columns_;
};

void RefuseReturning(bool returns) {
  if (returns) throw duckdb::BinderException("RETURNING is not supported: read the rows after they are written");
}

const TableEntry& EntryOf(duckdb::TableCatalogEntry& table) { return static_cast<const TableEntry&>(table); }

}  // namespace

duckdb::PhysicalOperator& Catalog::PlanInsert(duckdb::ClientContext&, duckdb::PhysicalPlanGenerator& planner,
                                              duckdb::LogicalInsert& op,
                                              duckdb::optional_ptr<duckdb::PhysicalOperator> plan) {
  RefuseReturning(op.return_chunk);
  const auto table = EntryOf(op.table).TableForWrites();
  if (op.on_conflict_info.action_type != duckdb::OnConflictAction::THROW) {
    throw duckdb::BinderException(
        "ON CONFLICT is not supported: an INSERT into a table with a primary key replaces what is there under the same "
        "key");
  }
  if (!plan) throw duckdb::BinderException("INSERT … DEFAULT VALUES is not supported: columns have no defaults");
  std::vector<WrittenColumn> columns;
  const size_t count = table->schema().column_count();
  for (size_t i = 0; i < count; ++i) {
    const auto index = op.column_index_map.empty() ? i : op.column_index_map[duckdb::PhysicalIndex(i)];
    if (index != duckdb::DConstants::INVALID_INDEX) columns.push_back({i, index});
  }
  const auto kind = table->schema().HasPrimaryKey() ? query::WriteKind::kUpsert : query::WriteKind::kAppend;
  auto& insert =
      planner.Make<PhysicalChange>("THALWEG_INSERT", table, kind, std::move(columns), op.estimated_cardinality);
  insert.children.push_back(*plan);
  return insert;
}

duckdb::PhysicalOperator& Catalog::PlanDelete(duckdb::ClientContext&, duckdb::PhysicalPlanGenerator& planner,
                                              duckdb::LogicalDelete& op, duckdb::PhysicalOperator& plan) {
  RefuseReturning(op.return_chunk);
  const auto table = EntryOf(op.table).TableForWrites();
  const auto keys = table->schema().PrimaryKeyIndexes();
  std::vector<WrittenColumn> columns;
  columns.reserve(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    columns.push_back({keys[i], op.expressions[i]->Cast<duckdb::BoundReferenceExpression>().index});
  }
  auto& change = planner.Make<PhysicalChange>("THALWEG_DELETE", table, query::WriteKind::kDelete, std::move(columns),
                                              op.estimated_cardinality);
  change.children.push_back(plan);
  return change;
}

duckdb::PhysicalOperator& Catalog::PlanUpdate(duckdb::ClientContext&, duckdb::PhysicalPlanGenerator& planner,
                                              duckdb::LogicalUpdate& op, duckdb::PhysicalOperator& plan) {
  RefuseReturning(op.return_chunk);
  const auto table = EntryOf(op.table).TableForWrites();
  const auto& schema = table->schema();
  if (const auto engine = table->base()->descriptor->properties.find("table.merge-engine");
      engine != table->base()->descriptor->properties.end()) {
    ThrowStatus(
        Error(ErrorCode::kInvalidTable,
              "UPDATE does not set columns of {}: its merge engine '{}' decides what a row becomes. Write rows with "
              "INSERT.",
              table->path(), engine->second));
  }
  const auto keys = schema.PrimaryKeyIndexes();
  std::vector<WrittenColumn> columns;
  for (size_t i = 0; i < op.columns.size(); ++i) {
    const size_t position = op.columns[i].index;
    if (std::ranges::find(keys, position) != keys.end()) {
      ThrowStatus(
          Error(ErrorCode::kInvalidTable,
                "Column {} is part of the primary key of {}, which never changes: delete the row and insert another.",
                schema.columns()[position].name, table->path()));
    }
    if (op.expressions[i]->GetExpressionClass() != duckdb::ExpressionClass::BOUND_REF) {
      throw duckdb::BinderException("SET … = DEFAULT is not supported: columns have no defaults; write NULL");
    }
    columns.push_back({position, op.expressions[i]->Cast<duckdb::BoundReferenceExpression>().index});
  }
  const auto key_start = plan.GetTypes().size() - keys.size();
  for (size_t i = 0; i < keys.size(); ++i) columns.push_back({keys[i], key_start + i});
  auto& change = planner.Make<PhysicalChange>("THALWEG_UPDATE", table, query::WriteKind::kUpsert, std::move(columns),
                                              op.estimated_cardinality);
  change.children.push_back(plan);
  return change;
}

}  // namespace thalweg::sql
