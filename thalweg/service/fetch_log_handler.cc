#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "thalweg/base/error.h"
#include "thalweg/service/access.h"
#include "thalweg/service/answer_memory.h"
#include "thalweg/service/fetch_transform.h"
#include "thalweg/service/handlers.h"
#include "thalweg/service/projected_read.h"
#include "thalweg/service/services.h"
#include "thalweg/service/table_access.h"
#include "thalweg/tablet/engine.h"
#include "thalweg/wire/fetch_log.h"

namespace thalweg::service {
namespace {

// Of the source, per bucket: how much is looked at in one step, and in all, for a projected or filtered answer. The second
// bounds the work of one request whose filter rules everything out.
constexpr uint64_t kStepBytes = 8 << 20;
constexpr uint64_t kSourceBytesMax = 64 << 20;

/// One wanted bucket on its way from the request to the answer.
struct Want {
  size_t table_index = 0;
  size_t bucket_index = 0;
  tablet::Engine::Reading reading;
  const BatchTransform* transform = nullptr;  ///< null: whole batches
  FetchedRecords records;
  arrow::Status status;

  const tablet::ReadResult& read() const { return reading.result; }
  /// Where the client finds the records itself; null: they are sent.
  const tablet::RemoteRange* remote() const { return std::get_if<tablet::RemoteRange>(&read().data); }
};

class Fetch {
 public:
  Fetch(const Call& call, const wire::FetchLogRequest& request) : call_(call), request_(request) {}

  runtime::Task<arrow::Result<Reply>> Run() {
    Prepare();
    const int64_t wait_ms = request_.min_bytes ? std::min<int64_t>(request_.max_wait_ms.value_or(0),
                                                                   call_.services.limits.fetch_wait_ms_max)
                                               : 0;
    const int64_t deadline_ns = call_.services.clock.MonotonicNs() + wait_ms * 1'000'000;
    Waits& waits = call_.connection.waits;
    while (true) {
      const int64_t left_ns = deadline_ns - call_.services.clock.MonotonicNs();
      auto waiter = left_ns > 0 && !waits.over() ? std::make_shared<tablet::ReadWaiter>() : nullptr;
      TW_CO_ASSIGN_OR_RETURN(bytes_max_,
                             co_await TakeAnswerMemory(call_, static_cast<uint64_t>(std::max(request_.max_bytes, 0))));
      co_await ReadAll(waiter);
      if (!waiter || waits.over() || Enough()) break;
      call_.answer_memory = {};
      waits.Add(waiter);
      call_.home.PostAfter(runtime::Nanos(left_ns), [waiter] { waiter->Wake(); });
      co_await waiter->Wait(call_.home);
      waits.Remove(waiter);
    }
    uint64_t memory_bytes = 0;
    for (const auto& want : wants_) memory_bytes += want.records.memory_bytes;
    call_.answer_memory.Resize(static_cast<int64_t>(memory_bytes));
    co_return Answer();
  }

 private:
  void Prepare() {
    for (size_t t = 0; t < request_.tables.size(); ++t) {
      const auto& table = request_.tables[t];
      auto access = TableAccess::Find(call_.services, table.table);
      arrow::Status status = access.status();
      if (status.ok()) status = Require(call_, security::Operation::kRead, ResourceOf(access->table()));
      const BatchTransform* transform = nullptr;
      if (status.ok() && (table.projection_pushdown_enabled || table.filter)) {
        auto made = FetchTransform::Make(call_.services, *access, table);
        status = made.status();
        if (made.ok() && *made) {
          transforms_.push_back(std::move(*made));
          transform = &transforms_.back()->transform();
        }
      }
      for (size_t b = 0; b < table.buckets.size(); ++b) {
        const auto& bucket = table.buckets[b];
        Want want{.table_index = t, .bucket_index = b, .transform = transform, .status = status};
        if (want.status.ok()) want.status = access->CheckBucket(bucket.partition, bucket.bucket);
        const uint64_t bytes_max = std::max(bucket.max_fetch_bytes, 0);
        want.reading.request = {.bucket = {table.table, bucket.partition, bucket.bucket},
                                .from = bucket.fetch_offset,
                                .bytes_max = transform ? std::max(bytes_max, kStepBytes) : bytes_max,
                                .at_least_one = true,
                                .statistics = transform && transform->wanted,
                                .takes_remote = !transform};
        wants_.push_back(std::move(want));
      }
    }
  }

  /// Asks all shards at once, each for its buckets, then gives out the bytes.
  runtime::Task<> ReadAll(const std::shared_ptr<tablet::ReadWaiter>& waiter) {
    // Where the bytes do not suffice for all buckets, a different one comes first each time.
    static std::atomic<uint64_t> turn{0};
    const size_t first = wants_.empty() ? 0 : turn.fetch_add(1, std::memory_order_relaxed) % wants_.size();
    // What comes from remote storage is in memory before it is known how much of it is sent.
    const auto allowance = std::make_shared<tablet::RemoteAllowance>(std::max<uint64_t>(bytes_max_, 1));
    std::vector<tablet::Engine::Reading*> readings;
    readings.reserve(wants_.size());
    for (size_t i = 0; i < wants_.size(); ++i) {
      Want& want = wants_[(first + i) % wants_.size()];
      if (!want.status.ok()) continue;
      want.reading.request.waiter = waiter;
      want.reading.request.remote_allowance = allowance;
      want.records = {};
      readings.push_back(&want.reading);
    }
    co_await call_.services.engine.ReadAll(readings, call_.home);
    for (auto& want : wants_) {
      if (want.status.ok()) want.status = want.read().status;
    }

    uint64_t left = bytes_max_;
    bool any = false;
    for (size_t i = 0; i < wants_.size(); ++i) {
      Want& want = wants_[(first + i) % wants_.size()];
      if (!want.status.ok()) continue;
      co_await Take(want, left, !any);
      left -= std::min(left, want.records.bytes);
      any = any || want.records.bytes > 0;
    }
  }

  /// Turns what was read into what is sent: at most `left` bytes, unless it comes first.
  runtime::Task<> Take(Want& want, uint64_t left, bool first) {
    const uint64_t own_max = std::max(request_.tables[want.table_index].buckets[want.bucket_index].max_fetch_bytes, 0);
    const uint64_t bytes_max = std::min(left, own_max);
    if (!want.transform) {
      if (want.read().bytes > 0 && (want.read().bytes <= bytes_max || first)) AddWhole(want.read(), want.records);
      co_return;
    }
    uint64_t source = 0;
    tablet::ReadResult read = want.read();
    if (const auto* memory = std::get_if<tablet::MemoryRange>(&read.data); memory && memory->borrowed) {
      want.reading.result.data = std::monostate();  // so that it goes as soon as we are done with it
    }
    while (read.bytes > 0) {
      want.status = co_await AddTransformed(read, *want.transform, bytes_max, first, call_.home, call_.services.pool,
                                            want.records);
      source += read.bytes;
      if (!want.status.ok() || want.records.full || read.next >= want.read().high_watermark ||
          source >= kSourceBytesMax)
        break;
      tablet::ReadRequest more = want.reading.request;
      more.from = read.next;
      more.waiter = nullptr;
      more.remote_allowance = nullptr;  // what was read before is gone, but for what is sent of it
      read = {};
      read = co_await call_.services.engine.Read(more, call_.home);
      // What there is already is an answer; the next request meets the error by itself.
      if (want.records.batches + want.records.dropped == 0) want.status = read.status;
    }
  }

  /// Whether there is an answer that is worth sending before the wait is over.
  bool Enough() const {
    int64_t bytes = 0;
    for (const auto& want : wants_) {
      if (!want.status.ok() || want.records.dropped > 0 || want.remote()) return true;
      bytes += static_cast<int64_t>(want.records.bytes);
    }
    return wants_.empty() || bytes >= request_.min_bytes.value_or(0);
  }

  arrow::Result<Reply> Answer() {
    std::vector<wire::FetchLogTableResult> results(request_.tables.size());
    std::vector<std::vector<Want*>> by_place(request_.tables.size());
    for (size_t t = 0; t < results.size(); ++t) {
      results[t].table = request_.tables[t].table;
      results[t].buckets.resize(request_.tables[t].buckets.size());
      by_place[t].resize(results[t].buckets.size());
    }
    for (auto& want : wants_) {
      by_place[want.table_index][want.bucket_index] = &want;
      Describe(want, results[want.table_index].buckets[want.bucket_index]);
    }
    ARROW_ASSIGN_OR_RAISE(const auto response, wire::EncodeFetchLogResponse(call_.request.id, results));
    Reply reply;
    for (const auto& piece : response.pieces) {
      if (!piece.header.empty()) reply.emplace_back(Bytes(response.headers.owner(), piece.header));
      if (piece.records_bytes == 0) continue;
      for (auto& fragment : by_place[piece.table_index][piece.bucket_index]->records.fragments) {
        reply.push_back(std::move(fragment));
      }
    }
    return reply;
  }

  static wire::RemoteLogFetchInfo Describe(const tablet::RemoteRange& range) {
    wire::RemoteLogFetchInfo info{.tablet_dir = range.folder,
                                  .partition_name = range.partition,
                                  .first_start_pos = static_cast<int32_t>(range.first_position)};
    for (const auto& segment : range.segments) {
      info.segments.push_back({.id = segment.id,
                               .start_offset = segment.start,
                               .end_offset = segment.end,
                               .size_bytes = static_cast<int32_t>(segment.bytes),
                               .max_timestamp_ms = segment.max_timestamp_ms});
    }
    return info;
  }

  static void Describe(const Want& want, wire::FetchLogBucketResult& to) {
    to.partition = want.reading.request.bucket.partition;
    to.bucket = want.reading.request.bucket.bucket;
    if (!want.status.ok()) {
      to.error = CodeOf(want.status);
      to.error_message = want.status.message();
      return;
    }
    to.high_watermark = want.read().high_watermark;
    to.log_start_offset = want.read().start;
    if (want.remote()) {
      to.remote = Describe(*want.remote());
      return;
    }
    to.records_bytes = want.records.bytes;
    if (want.records.dropped > 0 && want.records.next > want.records.sent_next)
      to.filtered_end_offset = want.records.next;
  }

  const Call& call_;
  const wire::FetchLogRequest& request_;
  std::vector<std::unique_ptr<FetchTransform>> transforms_;
  std::vector<Want> wants_;
  uint64_t bytes_max_ = 0;  ///< of records in the answer
};

}  // namespace

runtime::Task<arrow::Result<Reply>> HandleFetchLog(Call call) {
  TW_CO_ASSIGN_OR_RETURN(const auto request, wire::DecodeFetchLogRequest(call.request.body));
  Fetch fetch(call, request);
  co_return co_await fetch.Run();
}

}  // namespace thalweg::service
