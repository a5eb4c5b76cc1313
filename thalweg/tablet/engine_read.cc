#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "thalweg/base/error.h"
#include "thalweg/runtime/countdown.h"
#include "thalweg/tablet/engine.h"

namespace thalweg::tablet {
namespace {

/// Reads a range so that it is in the page cache when it is sent.
arrow::Status Warm(const log::LogRange& range) {
  constexpr uint64_t kChunkBytes = 256 << 10;
  Buffer scratch(std::min(kChunkBytes, range.bytes));
  for (uint64_t done = 0; done < range.bytes;) {
    const size_t want = std::min<uint64_t>(scratch.size(), range.bytes - done);
    ARROW_ASSIGN_OR_RAISE(const size_t got, range.file->ReadAt(range.position + done, scratch.view().first(want)));
    if (got == 0) return Error(ErrorCode::kLogStorage, "{} is shorter than its index says.", range.file->path());
    done += got;
  }
  return arrow::Status::OK();
}

}  // namespace

runtime::Task<ReadResult> Engine::Read(ReadRequest request, runtime::Executor& home) {
  Shard& shard = ShardFor(request.bucket);
  co_await runtime::EnsureOn(*shard.executor);
  auto bucket = co_await Find(shard, request.bucket);
  Bucket::ReadPlan plan;
  if (!bucket.ok()) {
    plan.result.status = bucket.status();
  } else {
    plan = (*bucket)->Read(request);
  }
  ReadResult& result = plan.result;
  if (plan.from_files) {
    const auto store = (*bucket)->shared_store();
    auto locate = [&](log::ReadMode mode) {
      return store->log()->Locate(result.first, plan.files_limit, request.bytes_max, mode);
    };
    auto located = locate(log::ReadMode::kNoWait);
    if (located.ok() && !*located) {
      co_await runtime::SwitchTo(environment_.pool);
      located = locate(log::ReadMode::kMayBlock);
    }
    if (!located.ok() && result.first < store->log()->start()) {
      plan.from_remote = true;  // dropped just now
    } else if (!located.ok()) {
      result.status = located.status();
    } else if ((*located)->bytes == 0) {
      // What is wanted was readable, so its file has failed and the journal is being read again.
      result.status = Error(ErrorCode::kLogStorage, "Offset {} of {} is being written again after an error: retry.",
                            result.first, request.bucket);
    } else if ((*located)->bytes <= request.bytes_max || request.at_least_one) {
      log::LogRange range = std::move(**located);
      if (!range.file->IsResident(range.position, range.bytes)) {
        co_await runtime::EnsureOn(environment_.pool);
        result.status = Warm(range);
      }
      result.first = range.first;
      result.next = range.next;
      result.bytes = range.bytes;
      result.data = std::move(range);
      result.store = store;
    }
  }
  if (plan.from_remote) {
    // A share of the store: its bucket may be dropped meanwhile.
    const auto store = (*bucket)->shared_store();
    co_await ReadRemote(*store, request, result);
  }
  co_await runtime::EnsureOn(home);
  co_return std::move(result);
}

runtime::Task<> Engine::ReadAll(std::span<Reading* const> readings, runtime::Executor& home) {
  std::vector<std::vector<Reading*>> parts(shards_.size());
  for (Reading* reading : readings) parts[ShardIndexOf(reading->request.bucket)].push_back(reading);
  std::vector<runtime::Task<>> tasks;
  tasks.reserve(parts.size());
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!parts[i].empty()) tasks.push_back(ReadOnShard(*shards_[i].executor, std::move(parts[i])));
  }
  co_await runtime::WhenAll(home, std::move(tasks));
  co_await runtime::EnsureOn(home);
}

runtime::Task<> Engine::ReadOnShard(runtime::Executor& shard, std::vector<Reading*> readings) {
  // The first read goes to the shard and stays there, the others find themselves on it.
  for (Reading* reading : readings) reading->result = co_await Read(reading->request, shard);
}

runtime::Task<arrow::Result<Engine::Bounds>> Engine::BoundsOf(TableBucket id, runtime::Executor& home) {
  Shard& shard = ShardFor(id);
  co_await runtime::EnsureOn(*shard.executor);
  auto bucket = co_await Find(shard, id);
  Bounds bounds;
  if (bucket.ok()) bounds = {(*bucket)->start(), (*bucket)->high_watermark()};
  co_await runtime::EnsureOn(home);
  if (!bucket.ok()) co_return bucket.status();
  co_return bounds;
}

runtime::Task<arrow::Result<std::vector<log::WriterState::Known>>> Engine::WritersOf(TableBucket id,
                                                                                     runtime::Executor& home) {
  Shard& shard = ShardFor(id);
  co_await runtime::EnsureOn(*shard.executor);
  auto bucket = co_await Find(shard, id);
  std::vector<log::WriterState::Known> writers;
  if (bucket.ok()) writers = (*bucket)->writers().List();
  co_await runtime::EnsureOn(home);
  if (!bucket.ok()) co_return bucket.status();
  co_return std::move(writers);
}

runtime::Task<arrow::Result<LogOffset>> Engine::OffsetForTimestamp(TableBucket id, int64_t timestamp_ms,
                                                                   runtime::Executor& home) {
  Shard& shard = ShardFor(id);
  co_await runtime::EnsureOn(*shard.executor);
  auto bucket = co_await Find(shard, id);
  if (!bucket.ok()) {
    co_await runtime::EnsureOn(home);
    co_return bucket.status();
  }
  const LogOffset end = (*bucket)->high_watermark();
  const std::optional<LogOffset> in_tail = (*bucket)->TailOffsetForTimestamp(timestamp_ms);
  const auto store = (*bucket)->shared_store();
  // Commit times do not go back, so what is oldest comes first.
  const auto in_remote = co_await RemoteOffsetForTimestamp(*store, timestamp_ms);
  if (!in_remote.ok() || *in_remote) {
    co_await runtime::EnsureOn(home);
    TW_CO_RETURN_NOT_OK(in_remote.status());
    co_return **in_remote;
  }
  auto in_files = co_await runtime::RunOn(environment_.pool, home,
                                          [&] { return store->log()->OffsetForTimestamp(timestamp_ms, end); });
  TW_CO_RETURN_NOT_OK(in_files.status());
  if (*in_files) co_return **in_files;
  co_return in_tail.value_or(end);
}

}  // namespace thalweg::tablet
