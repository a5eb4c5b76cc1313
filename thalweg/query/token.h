#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/ids.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/task.h"

namespace thalweg::query {

struct Environment;

/// What a read reflects, or a write has brought about: of each bucket the offset behind the last record of it. A read that is
/// at least at the token of a write sees that write. Buckets that are not named: from their start, that is, nothing.
struct Token {
  std::map<TableBucket, LogOffset> ends;

  bool empty() const { return ends.empty(); }
  /// To the later end of each bucket.
  void Merge(const Token& other);
  void Add(const TableBucket& bucket, LogOffset end);

  /// "7/0:120,7/p3/0:15": table id, partition id where there is one, bucket, end. Stable: clients keep it.
  std::string ToString() const;
  /// INVALID_SCAN_REQUEST where it is not one; at most kTokenBucketsMax buckets.
  static arrow::Result<Token> Parse(std::string_view text);

  bool operator==(const Token&) const = default;
};
inline constexpr size_t kTokenBucketsMax = 100'000;

/// Goes on once everything that `token` names is visible here. REQUEST_TIME_OUT after `wait_ms_max`, saying which bucket has not
/// come so far; UNKNOWN_TABLE_OR_BUCKET where it is gone. Woken by the buckets. Resumes on `home`.
runtime::Task<arrow::Status> WaitFor(const Environment& environment, Token token, int64_t wait_ms_max,
                                     runtime::Executor& home);

}  // namespace thalweg::query
