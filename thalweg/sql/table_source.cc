#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "arrow/record_batch.h"
#include "thalweg/query/scan.h"
#include "thalweg/query/scan_reader.h"
#include "thalweg/runtime/block_on.h"
#include "thalweg/sql/row_source_internal.h"
#include "thalweg/sql/session_state_internal.h"
#include "thalweg/tablet/engine.h"

namespace thalweg::sql {
namespace {

// Of tables with more, the first ones stand for all.
constexpr size_t kBucketsCountedMax = 64;

runtime::Task<arrow::Result<int64_t>> RowsOf(const query::Environment& environment, TableBucket bucket, bool keyed,
                                             runtime::Executor& home) {
  if (keyed) {
    const auto rows = co_await environment.engine.CountRows(bucket, home);
    if (rows.ok()) co_return *rows;
  }
  const auto bounds = co_await environment.engine.BoundsOf(bucket, home);
  if (!bounds.ok()) co_return bounds.status();
  co_return bounds->high_watermark - bounds->start;
}

class TableSource final : public RowSource {
 public:
  TableSource(const query::Environment& environment, query::TablePtr table)
      : environment_(environment), table_(std::move(table)) {}

  const schema::Schema& columns() const override { return table_->schema(); }
  bool filters() const override { return true; }
  query::TablePtr table() const override { return table_; }

  std::optional<int64_t> EstimateRows() const override {
    const auto buckets = table_->buckets();
    const size_t counted = std::min(buckets.size(), kBucketsCountedMax);
    int64_t rows = 0;
    for (size_t i = 0; i < counted; ++i) {
      const auto in_bucket = runtime::BlockOn(
          environment_.workers,
          RowsOf(environment_, buckets[i], table_->kind() == query::TableKind::kPrimaryKey, environment_.workers));
      if (!in_bucket.ok()) return std::nullopt;  // reading it will say why
      rows += *in_bucket;
    }
    return counted == 0 ? 0 : rows * static_cast<int64_t>(buckets.size()) / static_cast<int64_t>(counted);
  }

  arrow::Result<std::vector<std::shared_ptr<arrow::RecordBatchReader>>> Open(const SourceRequest& request,
                                                                             SessionState& session) const override {
    auto& workers = environment_.workers;
    // As who asks now: one DuckDB serves the sessions of many users, and keeps what it has found.
    ARROW_ASSIGN_OR_RAISE(const auto scan, runtime::BlockOn(workers, query::Scan::Open(session.session(),
                                                                                       {.table = table_,
                                                                                        .columns = request.columns,
                                                                                        .filter = request.filter,
                                                                                        .limit = request.limit},
                                                                                       workers)));
    session.Add(scan);
    std::vector<std::shared_ptr<arrow::RecordBatchReader>> readers;
    for (auto& stream : scan->Split(std::max<size_t>(1, std::min(request.streams_max, scan->streams_max())))) {
      readers.push_back(query::ScanReader::Make(std::move(stream)));
    }
    return readers;
  }

 private:
  const query::Environment& environment_;
  const query::TablePtr table_;
};

}  // namespace

RowSourcePtr MakeTableSource(const query::Environment& environment, query::TablePtr table) {
  return std::make_shared<TableSource>(environment, std::move(table));
}

}  // namespace thalweg::sql
