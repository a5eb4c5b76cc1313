#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "arrow/c/bridge.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "duckdb/function/table/arrow.hpp"
#include "duckdb/planner/operator/logical_get.hpp"
#include "thalweg/sql/filter_internal.h"
#include "thalweg/sql/session_state_internal.h"
#include "thalweg/sql/table_function_internal.h"

namespace thalweg::sql {
namespace {

// What EXPLAIN calls the function.
constexpr const char* kScanName = "thalweg_scan";
constexpr const char* kLookUpName = "thalweg_lookup";

/// A column that is asked for only so that there is one: ArrowToDuckDB leaves out what has this number.
duckdb::column_t Nothing() { return duckdb::COLUMN_IDENTIFIER_ROW_ID; }

/// A scan that runs: streams wait here until a thread comes for one.
struct RunningScan final : public duckdb::GlobalTableFunctionState {
  std::mutex mutex;
  std::vector<std::shared_ptr<arrow::RecordBatchReader>> streams;
  duckdb::ArrowTableSchema types;                ///< of the columns that are read
  std::vector<duckdb::column_t> output_columns;  ///< of each column of the output, its place among those; or Nothing()
  size_t threads = 1;

  duckdb::idx_t MaxThreads() const override { return threads; }
};

/// One thread's part of it.
struct ScanThread final : public duckdb::LocalTableFunctionState {
  explicit ScanThread(duckdb::ClientContext& context) : arrow(nullptr, context) {}
  std::shared_ptr<arrow::RecordBatchReader> stream;
  duckdb::ArrowScanLocalState arrow;  ///< of the batch that is being given, in parts
  int64_t rows = 0;                   ///< of it
};

/// A stream that nobody reads yet; null where there is none.
std::shared_ptr<arrow::RecordBatchReader> TakeStream(RunningScan& running) {
  std::lock_guard lock(running.mutex);
  if (running.streams.empty()) return nullptr;
  auto stream = std::move(running.streams.back());
  running.streams.pop_back();
  return stream;
}

/// The next batch that has rows, of further streams too, since there may be fewer threads than streams; false at the end of all.
bool NextBatch(RunningScan& running, ScanThread& thread) {
  while (thread.stream) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ThrowNotOk(thread.stream->ReadNext(&batch));
    if (batch == nullptr) {
      thread.stream = TakeStream(running);
      continue;
    }
    if (batch->num_rows() == 0) continue;
    auto exported = duckdb::make_shared_ptr<duckdb::ArrowArrayWrapper>();
    ThrowNotOk(arrow::ExportRecordBatch(*batch, reinterpret_cast<::ArrowArray*>(&exported->arrow_array)));
    thread.arrow.Reset();
    thread.arrow.chunk = std::move(exported);
    thread.rows = batch->num_rows();
    return true;
  }
  return false;
}

duckdb::unique_ptr<duckdb::GlobalTableFunctionState> StartScan(duckdb::ClientContext& context,
                                                               duckdb::TableFunctionInitInput& input) {
  const auto& plan = input.bind_data->Cast<ScanPlan>();
  const auto& columns = plan.source->columns();
  auto running = duckdb::make_uniq<RunningScan>();
  auto& session = SessionState::Of(context);

  SourceRequest request{.filter = plan.filter(), .limit = plan.limit, .streams_max = session.threads()};
  const auto keys = columns.PrimaryKeyIndexes();
  for (const auto id : input.column_ids) {
    size_t position = id;
    if (id >= KeyColumnStart() && id - KeyColumnStart() < keys.size()) position = keys[id - KeyColumnStart()];
    if (position >= columns.column_count()) {
      running->output_columns.push_back(Nothing());
      continue;
    }
    const auto found = std::ranges::find(request.columns, static_cast<int>(position));
    running->output_columns.push_back(static_cast<duckdb::column_t>(found - request.columns.begin()));
    if (found == request.columns.end()) request.columns.push_back(static_cast<int>(position));
  }
  arrow::FieldVector fields;
  const auto all = ToSqlArrowSchema(columns);
  for (const int position : request.columns) fields.push_back(all->field(position));
  running->types = ToDuckSchema(duckdb::DBConfig::GetConfig(context), arrow::Schema(std::move(fields)));
  running->streams = ValueOrThrow(plan.source->Open(request, session));
  running->threads = std::max<size_t>(1, running->streams.size());
  return running;
}

duckdb::unique_ptr<duckdb::LocalTableFunctionState> StartThread(duckdb::ExecutionContext& context,
                                                                duckdb::TableFunctionInitInput& input,
                                                                duckdb::GlobalTableFunctionState* global) {
  auto& running = global->Cast<RunningScan>();
  auto thread = duckdb::make_uniq<ScanThread>(context.client);
  thread->arrow.column_ids.assign(running.output_columns.begin(), running.output_columns.end());
  thread->stream = TakeStream(running);
  return thread;
}

void GiveRows(duckdb::ClientContext& context, duckdb::TableFunctionInput& input, duckdb::DataChunk& output) {
  auto& running = input.global_state->Cast<RunningScan>();
  auto& thread = input.local_state->Cast<ScanThread>();
  if (static_cast<int64_t>(thread.arrow.chunk_offset) >= thread.rows && !NextBatch(running, thread)) return;
  const auto count =
      std::min<int64_t>(STANDARD_VECTOR_SIZE, thread.rows - static_cast<int64_t>(thread.arrow.chunk_offset));
  output.SetCardinality(static_cast<duckdb::idx_t>(count));
  for (size_t i = 0; i < running.output_columns.size(); ++i) {
    if (running.output_columns[i] != Nothing()) continue;
    output.data[i].SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
    duckdb::ConstantVector::SetNull(output.data[i], true);
  }
  // Not "projected": it finds columns by column_ids.
  duckdb::ArrowTableFunction::ArrowToDuckDB(thread.arrow, running.types.GetColumns(), output, thread.arrow.chunk_offset,
                                            false);
  thread.arrow.chunk_offset += static_cast<duckdb::idx_t>(count);
}

/// How many keys are looked up; nothing where the source is scanned.
std::optional<size_t> LookUpKeys(const ScanPlan& plan) {
  if (plan.filters.empty() || !plan.source->columns().HasPrimaryKey()) return std::nullopt;
  const auto outline = plan.source->Outline(plan.filter());
  return outline ? outline->keys : std::nullopt;
}

/// Takes over what filters the source can apply; the others stay with DuckDB.
void TakeFilters(duckdb::ClientContext& context, duckdb::LogicalGet& get, duckdb::FunctionData* data,
                 duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& filters) {
  auto& plan = data->Cast<ScanPlan>();
  if (!plan.source->filters()) return;
  std::erase_if(filters, [&](const auto& filter) {
    auto predicate = ToPredicate(*filter, get, plan.source->columns());
    if (!predicate) return false;
    plan.filters.push_back(*std::move(predicate));
    plan.filter_texts.push_back(filter->ToString());
    return true;
  });
  if (LookUpKeys(plan)) get.function.name = kLookUpName;
}

duckdb::unique_ptr<duckdb::NodeStatistics> Estimate(duckdb::ClientContext& context, const duckdb::FunctionData* data) {
  const auto& plan = data->Cast<ScanPlan>();
  auto rows = plan.source->EstimateRows();
  if (!rows) return duckdb::make_uniq<duckdb::NodeStatistics>();
  if (const auto keys = LookUpKeys(plan)) rows = std::min(*rows, static_cast<int64_t>(*keys));
  return duckdb::make_uniq<duckdb::NodeStatistics>(static_cast<duckdb::idx_t>(*rows));
}

duckdb::InsertionOrderPreservingMap<duckdb::string> Describe(duckdb::TableFunctionToStringInput& input) {
  const auto& plan = input.bind_data->Cast<ScanPlan>();
  duckdb::InsertionOrderPreservingMap<duckdb::string> text;
  if (const auto table = plan.source->table()) text["Table"] = fmt::format("{}", table->path());
  if (const auto outline = plan.source->Outline(plan.filter()); outline && outline->keys) {
    text["Look-up"] = fmt::format("{} {}", *outline->keys, *outline->keys == 1 ? "key" : "keys");
  } else if (outline) {
    text["Scan"] = fmt::format("{} of {} buckets", outline->buckets, outline->buckets + outline->buckets_left_out);
  }
  if (!plan.filter_texts.empty()) text["Pushed filters"] = fmt::format("{}", fmt::join(plan.filter_texts, "\n"));
  if (plan.limit) text["Pushed limit"] = std::to_string(*plan.limit);
  return text;
}

}  // namespace

ScanPlan::ScanPlan(RowSourcePtr source, duckdb::DBConfig& config)
    : source(std::move(source)), types(ToDuckSchema(config, *ToSqlArrowSchema(this->source->columns()))) {}

duckdb::unique_ptr<duckdb::FunctionData> ScanPlan::Copy() const { return duckdb::make_uniq<ScanPlan>(*this); }

bool ScanPlan::Equals(const duckdb::FunctionData& other) const {
  const auto& that = other.Cast<ScanPlan>();
  return source == that.source && filters.empty() && that.filters.empty() && limit == that.limit;
}

std::optional<format::Predicate> ScanPlan::filter() const {
  if (filters.empty()) return std::nullopt;
  return filters.size() == 1 ? filters[0] : format::Predicate::And(filters);
}

bool IsScanFunction(const duckdb::TableFunction& function) {
  return function.name == kScanName || function.name == kLookUpName;
}

duckdb::column_t KeyColumnStart() { return duckdb::VIRTUAL_COLUMN_START; }

duckdb::TableFunction MakeScanFunction() {
  duckdb::TableFunction function(kScanName, {}, GiveRows, nullptr, StartScan, StartThread);
  function.projection_pushdown = true;
  function.pushdown_complex_filter = TakeFilters;
  function.cardinality = Estimate;
  function.to_string = Describe;
  return function;
}

}  // namespace thalweg::sql
