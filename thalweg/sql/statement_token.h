#pragma once

#include <mutex>

#include "thalweg/base/ids.h"
#include "thalweg/query/token.h"

namespace thalweg::sql {

/// What one statement reflects and brings about: of each bucket that it reads or writes, the offset behind the last record of it
/// that it has seen or written; the latest where it does so several times. It grows while the statement runs.
/// Thread safety: all calls.
class StatementToken {
 public:
  void Add(const TableBucket& bucket, LogOffset end);
  void Merge(const query::Token& token);
  /// So far. Empty where it had to name more than query::kTokenBucketsMax buckets: nobody could give it back.
  query::Token Get() const;

 private:
  void Bound();

  mutable std::mutex mutex_;
  query::Token token_;
  bool too_large_ = false;
};

}  // namespace thalweg::sql
