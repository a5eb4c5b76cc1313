#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/security/principal.h"

namespace thalweg::flight {

/// A statement that a client has prepared. Immutable; binding parameters makes another one under the same handle.
struct PreparedStatement {
  std::string text;
  security::Principal owner;
  std::shared_ptr<arrow::RecordBatch> parameters{};  ///< null: none are bound
};
using PreparedStatementPtr = std::shared_ptr<const PreparedStatement>;

/// The prepared statements of all clients, which are texts: a session makes them anew each time they run.
/// Thread safety: all calls.
class PreparedStatements {
 public:
  static constexpr size_t kCountMax = 10'000;       ///< beyond, the one that was not used the longest is forgotten
  static constexpr int64_t kBytesMax = 64ll << 20;  ///< of texts and parameters together; likewise

  /// The handle. RECORD_TOO_LARGE for one that would take all the room.
  arrow::Result<std::string> Add(PreparedStatement statement);
  /// INVALID_SCAN_REQUEST where there is none of that user's, or none any more.
  arrow::Result<PreparedStatementPtr> Find(const std::string& handle, const security::Principal& user);
  /// As Find; RECORD_TOO_LARGE.
  arrow::Status Bind(const std::string& handle, const security::Principal& user,
                     std::shared_ptr<arrow::RecordBatch> parameters);
  void Remove(const std::string& handle, const security::Principal& user);

 private:
  struct Entry {
    std::string handle;
    PreparedStatementPtr statement;
    int64_t bytes = 0;
  };
  void Shrink();
  arrow::Result<std::list<Entry>::iterator> FindLocked(const std::string& handle, const security::Principal& user);

  std::mutex mutex_;
  std::list<Entry> latest_last_;
  std::unordered_map<std::string, std::list<Entry>::iterator> by_handle_;
  int64_t bytes_ = 0;
};

}  // namespace thalweg::flight
