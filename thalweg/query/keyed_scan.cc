#include <tuple>
#include <utility>

#include "arrow/array/array_primitive.h"
#include "arrow/array/builder_base.h"
#include "arrow/builder.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "thalweg/base/error.h"
#include "thalweg/format/arrow_datum.h"
#include "thalweg/format/row_placer.h"
#include "thalweg/query/keyed_scan_internal.h"
#include "thalweg/query/lookup.h"

namespace thalweg::query {
namespace {

/// The keys as a lookup takes them, without those that no row can have: what a literal loses in its column's type.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> KeyRows(const KeyedScan& scan) {
  const Table& table = *scan.request().table;
  const auto columns = table.schema().PrimaryKeyIndexes();
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (size_t i = 0; i < columns.size(); ++i) {
    fields.push_back(table.arrow_schema()->field(static_cast<int>(columns[i])));
    ARROW_ASSIGN_OR_RAISE(const auto builder, arrow::MakeBuilder(fields.back()->type()));
    for (const auto& key : scan.keys()) ARROW_RETURN_NOT_OK(format::AppendDatum(key[i], *builder));
    ARROW_ASSIGN_OR_RAISE(arrays.emplace_back(), builder->Finish());
  }
  std::vector<int64_t> kept;
  for (size_t row = 0; row < scan.keys().size(); ++row) {
    bool same = true;
    for (size_t i = 0; i < columns.size(); ++i) {
      same = same && format::DatumAt(*arrays[i], static_cast<int64_t>(row)) == scan.keys()[row][i];
    }
    if (same) kept.push_back(static_cast<int64_t>(row));
  }
  const auto count = static_cast<int64_t>(scan.keys().size());
  return format::PickRows(arrow::RecordBatch::Make(arrow::schema(std::move(fields)), count, std::move(arrays)), kept);
}

class KeyedStream final : public ScanStream {
 public:
  explicit KeyedStream(std::shared_ptr<KeyedScan> scan) : ScanStream(scan), keyed_scan_(*scan) {}

  runtime::Task<arrow::Result<ScanBatch>> Next(runtime::Executor& home) override {
    TW_CO_RETURN_NOT_OK(status_);
    if (std::exchange(over_, true)) co_return ScanBatch();
    auto& workers = keyed_scan_.environment().workers;
    co_await runtime::EnsureOn(workers);
    auto batch = co_await LookUp(workers);
    co_await runtime::EnsureOn(home);
    status_ = batch.status();
    co_return batch;
  }

 private:
  runtime::Task<arrow::Result<ScanBatch>> LookUp(runtime::Executor& workers) {
    TW_CO_RETURN_NOT_OK(keyed_scan_.Check());
    TW_CO_ASSIGN_OR_RETURN(auto keys, KeyRows(keyed_scan_));
    const auto& request = keyed_scan_.request();
    TW_CO_ASSIGN_OR_RETURN(const auto answer, co_await Lookup(keyed_scan_.session(),
                                                              {.table = request.table,
                                                               .keys = std::move(keys),
                                                               .columns = keyed_scan_.shape().columns.scanned},
                                                              workers));
    std::vector<int64_t> found;
    for (int64_t i = 0; i < answer.found->length(); ++i) {
      if (answer.found->Value(i)) found.push_back(i);
    }
    TW_CO_ASSIGN_OR_RETURN(const auto rows, format::PickRows(answer.rows, found));
    for (const auto& [bucket, end] : answer.token.ends) keyed_scan_.NoteReached(bucket, end);
    ScanBatch batch;
    if (!answer.token.empty()) std::tie(batch.bucket, batch.next) = *answer.token.ends.begin();
    TW_CO_ASSIGN_OR_RETURN(batch.rows, keyed_scan_.Shape(rows->columns(), rows->num_rows()));
    co_return batch;
  }

  KeyedScan& keyed_scan_;
  arrow::Status status_;
  bool over_ = false;
};

}  // namespace

std::vector<std::unique_ptr<ScanStream>> KeyedScan::Split(size_t) {
  std::vector<std::unique_ptr<ScanStream>> streams;
  streams.push_back(std::make_unique<KeyedStream>(std::static_pointer_cast<KeyedScan>(shared_from_this())));
  return streams;
}

}  // namespace thalweg::query
