#include "thalweg/flight/prepared_statements.h"

#include <iterator>
#include <utility>

#include "arrow/record_batch.h"
#include "arrow/util/byte_size.h"
#include "thalweg/base/error.h"
#include "thalweg/runtime/random.h"

namespace thalweg::flight {
namespace {

constexpr size_t kHandleBytes = 16;
constexpr int64_t kEntryBytes = 256;

arrow::Result<int64_t> BytesOf(const PreparedStatement& statement) {
  int64_t bytes = kEntryBytes + static_cast<int64_t>(statement.text.size());
  if (statement.parameters) bytes += arrow::util::TotalBufferSize(*statement.parameters);
  if (bytes > PreparedStatements::kBytesMax / 4) {
    return Error(ErrorCode::kRecordTooLarge, "A statement with its parameters takes {} bytes: send them in parts.",
                 bytes);
  }
  return bytes;
}

}  // namespace

void PreparedStatements::Shrink() {
  while (latest_last_.size() > kCountMax || bytes_ > kBytesMax) {
    bytes_ -= latest_last_.front().bytes;
    by_handle_.erase(latest_last_.front().handle);
    latest_last_.pop_front();
  }
}

arrow::Result<std::string> PreparedStatements::Add(PreparedStatement statement) {
  ARROW_ASSIGN_OR_RAISE(const int64_t bytes, BytesOf(statement));
  std::string handle = runtime::SecretText(kHandleBytes);
  std::lock_guard lock(mutex_);
  latest_last_.push_back({handle, std::make_shared<const PreparedStatement>(std::move(statement)), bytes});
  by_handle_.emplace(handle, std::prev(latest_last_.end()));
  bytes_ += bytes;
  Shrink();
  return handle;
}

arrow::Result<std::list<PreparedStatements::Entry>::iterator> PreparedStatements::FindLocked(
    const std::string& handle, const security::Principal& user) {
  const auto found = by_handle_.find(handle);
  if (found == by_handle_.end() || found->second->statement->owner != user) {
    return Error(ErrorCode::kInvalidScanRequest, "There is no such prepared statement (any more): prepare it again.");
  }
  latest_last_.splice(latest_last_.end(), latest_last_, found->second);
  return found->second;
}

arrow::Result<PreparedStatementPtr> PreparedStatements::Find(const std::string& handle,
                                                             const security::Principal& user) {
  std::lock_guard lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(const auto entry, FindLocked(handle, user));
  return entry->statement;
}

arrow::Status PreparedStatements::Bind(const std::string& handle, const security::Principal& user,
                                       std::shared_ptr<arrow::RecordBatch> parameters) {
  std::lock_guard lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(const auto entry, FindLocked(handle, user));
  auto bound = std::make_shared<PreparedStatement>(*entry->statement);
  bound->parameters = std::move(parameters);
  ARROW_ASSIGN_OR_RAISE(const int64_t bytes, BytesOf(*bound));
  bytes_ += bytes - entry->bytes;
  entry->bytes = bytes;
  entry->statement = std::move(bound);
  Shrink();
  return arrow::Status::OK();
}

void PreparedStatements::Remove(const std::string& handle, const security::Principal& user) {
  std::lock_guard lock(mutex_);
  const auto found = FindLocked(handle, user);
  if (!found.ok()) return;
  bytes_ -= (*found)->bytes;
  by_handle_.erase(handle);
  latest_last_.erase(*found);
}

}  // namespace thalweg::flight
