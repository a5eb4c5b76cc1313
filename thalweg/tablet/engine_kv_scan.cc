#include <utility>

#include "thalweg/base/error.h"
#include "thalweg/tablet/engine.h"

// All rows of a bucket, in as many answers as it takes.

namespace thalweg::tablet {
namespace {

// A scan keeps the rows in memory that it began with. So where there are more than this they go to the disk first.
constexpr int64_t kHeldBytesMax = 1 << 20;

}  // namespace

arrow::Result<Engine::ScanAnswer> Engine::OpenScanNow(BucketStore& log, kv::BucketState& state, int64_t limit,
                                                      const ReadScan& read) {
  ARROW_ASSIGN_OR_RAISE(auto scan, scans_->Open(log.bucket()));
  ScanAnswer answer;
  const auto begin = [&]() -> arrow::Status {
    if (state.overlay().bytes() > kHeldBytesMax) {
      ARROW_RETURN_NOT_OK(state.Flush());
      log.NoteStateStored(state.overlay().stored());
    }
    ARROW_ASSIGN_OR_RAISE(auto snapshot, state.TakeSnapshot());
    scan->Start(std::move(snapshot), limit > 0 ? limit : INT64_MAX);
    answer.offset = scan->meta().applied;
    ARROW_ASSIGN_OR_RAISE(answer.batch, read(*scan));
    KvCounters::Add(kv_counters_.rows_scanned, static_cast<uint64_t>(answer.batch.rows));
    if (answer.batch.rows > 0) answer.id = scan->id();
    return arrow::Status::OK();
  };
  const arrow::Status status = begin();
  scans_->Return(std::move(scan), !status.ok() || !answer.batch.more);
  ARROW_RETURN_NOT_OK(status);
  return answer;
}

runtime::Task<arrow::Result<Engine::ScanAnswer>> Engine::OpenScanOn(TableBucket id, int64_t limit, ReadScan read,
                                                                    runtime::Executor& reader,
                                                                    runtime::Executor& home) {
  Shard& shard = ShardFor(id);
  co_await runtime::EnsureOn(*shard.executor);
  const auto bucket = co_await FindRows(shard, id);
  arrow::Result<ScanAnswer> answer = ScanAnswer();
  if (!bucket.ok()) {
    answer = bucket.status();
  } else {
    const auto state = (*bucket)->kv()->state();
    co_await runtime::SwitchTo(reader);
    BucketStore& log = (*bucket)->store();
    Entrance& use = log.state_use();
    if (use.Enter()) {
      answer = OpenScanNow(log, *state, limit, read);
      use.Leave();
    } else {
      answer = Error(ErrorCode::kUnknownTableOrBucket, "The table of {} was dropped.", id);
    }
  }
  co_await runtime::EnsureOn(home);
  co_return answer;
}

runtime::Task<arrow::Result<Engine::ScanAnswer>> Engine::ContinueScanOn(std::string id, int32_t sequence, ReadScan read,
                                                                        runtime::Executor& reader,
                                                                        runtime::Executor& home) {
  if (!scans_) co_return Error(ErrorCode::kUnknownScannerId, "This server keeps no rows by key.");
  const auto go_on = [&]() -> arrow::Result<ScanAnswer> {
    ARROW_ASSIGN_OR_RAISE(auto scan, scans_->Take(id, sequence));
    auto batch = read(*scan);
    scans_->Return(std::move(scan), !batch.ok() || !batch->more);
    ARROW_RETURN_NOT_OK(batch.status());
    KvCounters::Add(kv_counters_.rows_scanned, static_cast<uint64_t>(batch->rows));
    return ScanAnswer{.id = id, .batch = std::move(*batch)};
  };
  co_await runtime::EnsureOn(reader);
  auto answer = go_on();
  co_await runtime::EnsureOn(home);
  co_return answer;
}

runtime::Task<arrow::Result<Engine::ScanAnswer>> Engine::OpenScan(TableBucket bucket, int64_t limit, uint64_t bytes_max,
                                                                  runtime::Executor& home) {
  ReadScan read = [bytes_max](FullScan& scan) { return scan.Read(bytes_max); };
  return OpenScanOn(bucket, limit, std::move(read), environment_.pool, home);
}

runtime::Task<arrow::Result<Engine::ScanAnswer>> Engine::OpenScan(TableBucket bucket, RowSink sink,
                                                                  runtime::Executor& reader, runtime::Executor& home) {
  ReadScan read = [sink = std::move(sink)](FullScan& scan) { return scan.Read(sink); };
  return OpenScanOn(bucket, 0, std::move(read), reader, home);
}

runtime::Task<arrow::Result<Engine::ScanAnswer>> Engine::ContinueScan(std::string id, int32_t sequence,
                                                                      uint64_t bytes_max, runtime::Executor& home) {
  ReadScan read = [bytes_max](FullScan& scan) { return scan.Read(bytes_max); };
  return ContinueScanOn(std::move(id), sequence, std::move(read), environment_.pool, home);
}

runtime::Task<arrow::Result<Engine::ScanAnswer>> Engine::ContinueScan(std::string id, int32_t sequence, RowSink sink,
                                                                      runtime::Executor& reader,
                                                                      runtime::Executor& home) {
  ReadScan read = [sink = std::move(sink)](FullScan& scan) { return scan.Read(sink); };
  return ContinueScanOn(std::move(id), sequence, std::move(read), reader, home);
}

runtime::Task<> Engine::EndScan(std::string id, runtime::Executor& home) {
  if (!scans_) co_return;
  co_await runtime::SwitchTo(environment_.pool);
  scans_->End(id);
  co_await runtime::EnsureOn(home);
}

std::optional<TableBucket> Engine::BucketOfScan(const std::string& id) const {
  return scans_ ? scans_->BucketOf(id) : std::nullopt;
}

void Engine::NoteScansLeft(const std::vector<std::string>& ids) {
  if (scans_) scans_->NoteLeft(ids);
}

}  // namespace thalweg::tablet
