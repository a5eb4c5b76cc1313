#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "thalweg/runtime/task.h"

namespace thalweg::catalog {

/// A small ordered map from keys to values with compare-and-set transactions, in the manner of etcd: the one place where
/// the truth about tables lives. Embedded on one machine (embedded_meta_store.h), etcd in a cluster, in memory for tests;
/// all pass meta_store_test.cc.
///
/// Every successful Commit gets the next revision, from 1. Reads see all commits that completed before they began.
///
/// Fencing: whoever is about to write takes an epoch first; from then on every commit that carries an older one is refused.
/// A writer that lost its lease without noticing can therefore do no harm.
///
/// Errors: kStorage and kDiskWriteLocked where the store cannot be reached or written. After such an error of Commit it
/// is unknown whether the transaction happened: read again before relying on either. kFencedLeaderEpoch: another writer
/// has taken over, nothing was written, and nothing ever will be under this epoch.
///
/// Calls complete on an executor of the store's: the caller switches back. Thread safety: all calls.
class MetaStore {
 public:
  struct Versioned {
    std::string value{};
    int64_t revision = 0;  ///< of the commit that wrote it
  };
  struct Entry {
    std::string key{};
    std::string value{};
    int64_t revision = 0;
  };

  /// `revision` of a Compare: the key must not be there.
  static constexpr int64_t kAbsent = 0;
  struct Compare {
    std::string key{};
    int64_t revision = kAbsent;
  };
  /// Happens wholly or not at all. A key stands at most once among puts and removals.
  struct Transaction {
    int64_t epoch = 0;
    std::vector<Compare> compares{};
    std::vector<std::pair<std::string, std::string>> puts{};
    std::vector<std::string> removals{};  ///< keys that need not be there
  };

  virtual ~MetaStore() = default;

  virtual runtime::Task<arrow::Result<std::optional<Versioned>>> Get(std::string key) = 0;
  /// All keys that begin with `prefix`, in byte order.
  virtual runtime::Task<arrow::Result<std::vector<Entry>>> List(std::string prefix) = 0;
  /// The revision of the commit, durable when given. No value where a compare did not hold: nothing was written then.
  virtual runtime::Task<arrow::Result<std::optional<int64_t>>> Commit(Transaction transaction) = 0;
  /// A new epoch, higher than all before and durable; fences all older ones.
  virtual runtime::Task<arrow::Result<int64_t>> TakeEpoch() = 0;
};

}  // namespace thalweg::catalog
