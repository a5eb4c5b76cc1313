#include "thalweg/query/token.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/query/environment.h"
#include "thalweg/runtime/countdown.h"
#include "thalweg/tablet/engine.h"

namespace thalweg::query {
namespace {

/// Takes a number, which is not negative, off the front of `text`.
std::optional<int64_t> TakeNumber(std::string_view& text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

bool TakeMark(std::string_view& text, char mark) {
  if (!text.starts_with(mark)) return false;
  text.remove_prefix(1);
  return true;
}

/// "7/p3/0:15", off the front of `text`.
std::optional<std::pair<TableBucket, LogOffset>> TakeEnd(std::string_view& text) {
  TableBucket bucket;
  const auto table = TakeNumber(text);
  if (!table || !TakeMark(text, '/')) return std::nullopt;
  bucket.table = TableId(*table);
  if (TakeMark(text, 'p')) {
    const auto partition = TakeNumber(text);
    if (!partition || !TakeMark(text, '/')) return std::nullopt;
    bucket.partition = PartitionId(*partition);
  }
  const auto number = TakeNumber(text);
  if (!number || *number > INT32_MAX || !TakeMark(text, ':')) return std::nullopt;
  bucket.bucket = BucketId(static_cast<int32_t>(*number));
  const auto end = TakeNumber(text);
  if (!end) return std::nullopt;
  return std::pair{bucket, LogOffset(*end)};
}

/// What one wait for several buckets shares.
struct Waiting {
  const Environment& environment;
  int64_t deadline_ns;
  runtime::Executor& home;
};

runtime::Task<arrow::Status> WaitForOne(const Waiting& waiting, TableBucket bucket, LogOffset end) {
  LogOffset from = end + -1;
  while (true) {
    const int64_t left_ns = waiting.deadline_ns - waiting.environment.clock.MonotonicNs();
    auto waiter = left_ns > 0 ? std::make_shared<tablet::ReadWaiter>() : nullptr;
    // Asked for its last record, a bucket that has it says so at once; one that has not even an offset for it yet is asked for
    // what comes next.
    const auto read = co_await waiting.environment.engine.Read(
        {.bucket = bucket, .from = from, .bytes_max = 0, .waiter = waiter}, waiting.home);
    if (read.high_watermark >= end) co_return arrow::Status::OK();
    if (!read.status.ok() && CodeOf(read.status) != ErrorCode::kLogOffsetOutOfRange) co_return read.status;
    if (!read.status.ok() || read.high_watermark > from) {
      // Nobody waits yet. The next try does, unless the bucket has gone on meanwhile.
      if (read.high_watermark == from) co_return read.status;
      from = read.high_watermark;
      continue;
    }
    if (!waiter) {
      co_return Error(ErrorCode::kRequestTimeOut, "Offset {} of {} is asked for, it has come to {}: wait longer.", end,
                      bucket, read.high_watermark);
    }
    waiting.home.PostAfter(runtime::Nanos(left_ns), [waiter] { waiter->Wake(); });
    co_await waiter->Wait(waiting.home);
  }
}

}  // namespace

void Token::Add(const TableBucket& bucket, LogOffset end) {
  const auto [at, added] = ends.emplace(bucket, end);
  if (!added) at->second = std::max(at->second, end);
}

void Token::Merge(const Token& other) {
  for (const auto& [bucket, end] : other.ends) Add(bucket, end);
}

std::string Token::ToString() const {
  std::string text;
  for (const auto& [bucket, end] : ends) {
    if (!text.empty()) text += ',';
    fmt::format_to(std::back_inserter(text), "{}/", bucket.table);
    if (bucket.partition != kNoPartition) fmt::format_to(std::back_inserter(text), "p{}/", bucket.partition);
    fmt::format_to(std::back_inserter(text), "{}:{}", bucket.bucket, end);
  }
  return text;
}

arrow::Result<Token> Token::Parse(std::string_view text) {
  Token token;
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto end = TakeEnd(rest);
    if (!end || !(rest.empty() || (TakeMark(rest, ',') && !rest.empty()))) {
      return Error(ErrorCode::kInvalidScanRequest, "\"{}\" is no token: give one back as a read or a write gave it.",
                   text.substr(0, 100));
    }
    token.Add(end->first, end->second);
    if (token.ends.size() > kTokenBucketsMax) {
      return Error(ErrorCode::kInvalidScanRequest, "The token names more than {} buckets.", kTokenBucketsMax);
    }
  }
  return token;
}

runtime::Task<arrow::Status> WaitFor(const Environment& environment, Token token, int64_t wait_ms_max,
                                     runtime::Executor& home) {
  const Waiting waiting{environment, environment.clock.MonotonicNs() + std::max<int64_t>(wait_ms_max, 0) * 1'000'000,
                        home};
  const auto view = environment.catalog.view();
  std::vector<runtime::Task<arrow::Status>> waits;
  for (const auto& [bucket, end] : token.ends) {
    // A bucket that the engine is asked for is one from then on.
    TW_CO_RETURN_NOT_OK(view->CheckBucket(bucket));
    if (end.value > 0) waits.push_back(WaitForOne(waiting, bucket, end));
  }
  if (waits.empty()) co_return arrow::Status::OK();
  const arrow::Status status = co_await runtime::WhenAll(home, std::move(waits));
  co_await runtime::EnsureOn(home);
  co_return status;
}

}  // namespace thalweg::query
