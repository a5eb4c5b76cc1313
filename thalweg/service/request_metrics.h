#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "thalweg/base/ids.h"
#include "thalweg/runtime/metrics.h"
#include "thalweg/wire/api_key.h"

namespace thalweg::service {

/// Rows that one table has gained.
class TableRows {
 public:
  explicit TableRows(runtime::Counter& counter) : counter_(counter) {}
  void AddAppended(uint64_t rows) { counter_.Add(rows); }

 private:
  runtime::Counter& counter_;
};

/// What requests cost, by API, and what tables gain. Thread safety: all calls.
class RequestMetrics {
 public:
  explicit RequestMetrics(runtime::Metrics& metrics);

  void AddBytesIn(uint64_t bytes) { bytes_in_.Add(bytes); }
  enum class Login {
    kAccepted,
    kRefused,  ///< the password was wrong
    kHeldOff,  ///< too many were; this one was not looked at
  };
  void AddLogin(Login outcome) { logins_[static_cast<size_t>(outcome)]->Add(); }
  void AddRequest(wire::ApiKey key, int64_t nanos, uint64_t bytes_out, bool ok);

  /// The counter of a table; beyond kTablesMax tables, the one of all others.
  TableRows& RowsOf(TableId table, const std::string& path);

  static constexpr size_t kTablesMax = 1'000;

 private:
  struct PerApi {
    runtime::Counter* served = nullptr;
    runtime::Counter* refused = nullptr;
    runtime::Histogram* seconds = nullptr;
  };
  static constexpr int kFirstKey = 1000;
  static constexpr size_t kKeys = 100;

  runtime::Metrics& metrics_;
  runtime::Counter& bytes_in_;
  runtime::Counter& bytes_out_;
  std::array<runtime::Counter*, 3> logins_;  ///< by Login
  std::array<PerApi, kKeys> apis_;
  PerApi unknown_;

  std::mutex mutex_;
  std::unordered_map<TableId, std::unique_ptr<TableRows>> rows_;
  TableRows other_rows_;
};

}  // namespace thalweg::service
