#include <algorithm>
#include <utility>

#include "arrow/c/bridge.h"
#include "arrow/type.h"
#include "duckdb/common/arrow/arrow_appender.hpp"
#include "duckdb/common/arrow/arrow_converter.hpp"
#include "duckdb/common/type_visitor.hpp"
#include "duckdb/common/vector_operations/vector_operations.hpp"
#include "duckdb/function/table/arrow.hpp"
#include "thalweg/sql/arrow_types_internal.h"
#include "thalweg/sql/row_stream_internal.h"

namespace thalweg::sql {
namespace {

// Of one batch of an answer: enough that its cost is in the rows, few enough that the first come soon.
constexpr duckdb::idx_t kBatchRows = 16 * 1024;

/// As what values of a type are given out: ENUMs as text, since a stream of rows has no place for their dictionaries.
duckdb::LogicalType GivenType(const duckdb::LogicalType& type) {
  return duckdb::TypeVisitor::VisitReplace(type, [](const duckdb::LogicalType& part) {
    return part.id() == duckdb::LogicalTypeId::ENUM ? duckdb::LogicalType::VARCHAR : part;
  });
}

duckdb::vector<duckdb::LogicalType> GivenTypes(const duckdb::vector<duckdb::LogicalType>& types) {
  duckdb::vector<duckdb::LogicalType> given;
  given.reserve(types.size());
  for (const auto& type : types) given.push_back(GivenType(type));
  return given;
}

class RowStream final : public arrow::RecordBatchReader {
 public:
  RowStream(std::shared_ptr<SessionCore> core, duckdb::unique_ptr<duckdb::QueryResult> result,
            std::shared_ptr<arrow::Schema> schema)
      : core_(std::move(core)),
        statement_(core_->statement()),
        result_(std::move(result)),
        given_types_(GivenTypes(result_->types)),
        schema_(std::move(schema)) {}
  ~RowStream() override { (void)Close(); }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override {
    batch->reset();
    if (!failure_.ok()) return failure_;
    if (!result_) return arrow::Status::OK();
    if (!is_current()) return failure_ = arrow::Status::Invalid("The session has gone on to another statement.");
    failure_ = core_->Run([&]() -> arrow::Status { return Next(batch); });
    if (!failure_.ok() || *batch == nullptr) Finish();
    return failure_;
  }

  arrow::Status Close() override {
    if (result_ && is_current()) core_->Cancel(arrow::Status::Cancelled("Its rows were not read to the end."));
    Finish();
    return arrow::Status::OK();
  }

 private:
  bool is_current() const { return !core_->closed() && core_->statement() == statement_; }

  void Finish() {
    if (!result_) return;
    if (is_current()) core_->End();
    if (!core_->closed()) {
      (void)core_->Run([&] {
        result_.reset();
        return arrow::Status::OK();
      });
    }
    result_.reset();
  }

  arrow::Status Next(std::shared_ptr<arrow::RecordBatch>* batch) {
    duckdb::unique_ptr<duckdb::ArrowAppender> rows;
    duckdb::idx_t count = 0;
    while (count < kBatchRows && !ended_) {
      const auto chunk = result_->Fetch();
      if (result_->HasError()) return StatusOf(result_->GetErrorObject());
      if (!chunk || chunk->size() == 0) {
        ended_ = true;  // to ask once more would be an error
        break;
      }
      if (!rows) {
        rows = duckdb::make_uniq<duckdb::ArrowAppender>(
            given_types_, kBatchRows, result_->client_properties,
            duckdb::ArrowTypeExtensionData::GetExtensionTypes(core_->context(), given_types_));
      }
      Convert(*chunk);
      rows->Append(*chunk, 0, chunk->size(), chunk->size());
      count += chunk->size();
    }
    if (!rows) return arrow::Status::OK();
    ::ArrowArray exported = rows->Finalize();
    ARROW_ASSIGN_OR_RAISE(*batch, arrow::ImportRecordBatch(&exported, schema_));
    return arrow::Status::OK();
  }

  /// Into the types as which values are given out.
  void Convert(duckdb::DataChunk& rows) {
    for (size_t i = 0; i < given_types_.size(); ++i) {
      if (rows.data[i].GetType() == given_types_[i]) continue;
      duckdb::Vector given(given_types_[i], rows.size());
      duckdb::VectorOperations::Cast(core_->context(), rows.data[i], given, rows.size());
      rows.data[i].ReferenceAndSetType(given);
    }
  }

  const std::shared_ptr<SessionCore> core_;
  const uint64_t statement_;
  duckdb::unique_ptr<duckdb::QueryResult> result_;
  const duckdb::vector<duckdb::LogicalType> given_types_;
  const std::shared_ptr<arrow::Schema> schema_;
  bool ended_ = false;
  arrow::Status failure_;
};

}  // namespace

std::shared_ptr<arrow::Schema> SchemaOf(duckdb::ClientContext& context,
                                        const duckdb::vector<duckdb::LogicalType>& types,
                                        const duckdb::vector<duckdb::string>& names) {
  auto properties = context.GetClientProperties();
  // What a parameter decides is not known before it has a value.
  auto known = GivenTypes(types);
  for (auto& type : known) {
    if (type.id() == duckdb::LogicalTypeId::UNKNOWN) type = duckdb::LogicalType::SQLNULL;
  }
  ::ArrowSchema exported;
  duckdb::ArrowConverter::ToArrowSchema(&exported, known, names, properties);
  return ValueOrThrow(arrow::ImportSchema(&exported));
}

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> MakeRowStream(std::shared_ptr<SessionCore> core,
                                                                       duckdb::unique_ptr<duckdb::QueryResult> result) {
  auto schema = SchemaOf(core->context(), result->types, result->names);
  return std::make_shared<RowStream>(std::move(core), std::move(result), std::move(schema));
}

duckdb::vector<duckdb::vector<duckdb::Value>> ValuesOf(duckdb::ClientContext& context, const arrow::RecordBatch& rows) {
  auto schema = ToDuckSchema(duckdb::DBConfig::GetConfig(context), *rows.schema());
  auto exported = duckdb::make_shared_ptr<duckdb::ArrowArrayWrapper>();
  ThrowNotOk(arrow::ExportRecordBatch(rows, reinterpret_cast<::ArrowArray*>(&exported->arrow_array)));
  duckdb::ArrowScanLocalState state(nullptr, context);
  state.chunk = std::move(exported);
  duckdb::vector<duckdb::vector<duckdb::Value>> values;
  for (int64_t from = 0; from < rows.num_rows(); from += STANDARD_VECTOR_SIZE) {
    duckdb::DataChunk chunk;
    chunk.Initialize(duckdb::Allocator::DefaultAllocator(), schema.GetTypes());
    chunk.SetCardinality(static_cast<duckdb::idx_t>(std::min<int64_t>(STANDARD_VECTOR_SIZE, rows.num_rows() - from)));
    state.chunk_offset = static_cast<duckdb::idx_t>(from);
    duckdb::ArrowTableFunction::ArrowToDuckDB(state, schema.GetColumns(), chunk, state.chunk_offset);
    for (duckdb::idx_t row = 0; row < chunk.size(); ++row) {
      auto& one = values.emplace_back();
      for (duckdb::idx_t column = 0; column < chunk.ColumnCount(); ++column) one.push_back(chunk.GetValue(column, row));
    }
  }
  return values;
}

}  // namespace thalweg::sql
