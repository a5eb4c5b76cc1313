#include <algorithm>
#include <atomic>
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

/// What the streams of one scan share.
struct NotedScan {
  std::shared_ptr<query::Scan> scan;
  std::shared_ptr<StatementToken> token;
  std::atomic<size_t> streams_left;
};

/// One stream of a scan, which notes in the statement's token what it has given: the scan itself is ahead of that.
class NotingReader final : public arrow::RecordBatchReader {
 public:
  NotingReader(std::unique_ptr<query::ScanReader> rows, std::shared_ptr<NotedScan> of)
      : rows_(std::move(rows)), of_(std::move(of)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return rows_->schema(); }
  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override {
    ARROW_ASSIGN_OR_RAISE(auto next, rows_->NextBatch());
    *batch = std::move(next.rows);
    if (*batch) {
      of_->token->Add(next.bucket, next.next);
    } else if (!std::exchange(ended_, true) && of_->streams_left.fetch_sub(1) == 1) {
      of_->token->Merge(of_->scan->token());
    }
    return arrow::Status::OK();
  }
  arrow::Status Close() override { return rows_->Close(); }

 private:
  const std::unique_ptr<query::ScanReader> rows_;
  const std::shared_ptr<NotedScan> of_;
  bool ended_ = false;
};

class TableSource final : public RowSource {
 public:
  TableSource(const query::Environment& environment, query::TablePtr table)
      : environment_(environment), table_(std::move(table)) {}

  const schema::Schema& columns() const override { return table_->schema(); }
  bool filters() const override { return true; }
  query::TablePtr table() const override { return table_; }

  std::optional<query::ScanOutline> Outline(const std::optional<format::Predicate>& filter) const override {
    const auto outline = query::Outline(environment_, {.table = table_, .filter = filter});
    return outline.ok() ? std::optional(*outline) : std::nullopt;  // reading it will say why not
  }

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
    auto streams = scan->Split(std::max<size_t>(1, std::min(request.streams_max, scan->streams_max())));
    const auto noted = std::make_shared<NotedScan>(scan, session.token(), streams.size());
    noted->token->Merge(scan->token());
    std::vector<std::shared_ptr<arrow::RecordBatchReader>> readers;
    readers.reserve(streams.size());
    for (auto& stream : streams) {
      readers.push_back(std::make_shared<NotingReader>(query::ScanReader::Make(std::move(stream)), noted));
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
