#include "thalweg/sql/statement_token.h"

namespace thalweg::sql {

void StatementToken::Bound() {
  if (token_.ends.size() > query::kTokenBucketsMax) too_large_ = true;
  if (too_large_) token_ = {};
}

void StatementToken::Add(const TableBucket& bucket, LogOffset end) {
  std::lock_guard lock(mutex_);
  token_.Add(bucket, end);
  Bound();
}

void StatementToken::Merge(const query::Token& token) {
  std::lock_guard lock(mutex_);
  token_.Merge(token);
  Bound();
}

query::Token StatementToken::Get() const {
  std::lock_guard lock(mutex_);
  return token_;
}

}  // namespace thalweg::sql
