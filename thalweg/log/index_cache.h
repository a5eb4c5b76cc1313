#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace thalweg::log {

class SegmentIndex;

/// Keeps the indexes of closed segments in memory that were used last, over all buckets: at most `indexes_max`, each of
/// bounded size (SegmentIndex::kEntriesMax). Segments themselves hold theirs weakly, so what falls out here is loaded
/// again on its next use.
///
/// Thread safety: all calls.
class IndexCache {
 public:
  explicit IndexCache(size_t indexes_max = 256) : indexes_max_(indexes_max) {}
  IndexCache(const IndexCache&) = delete;

  /// `index` was used just now.
  void Touch(std::shared_ptr<const SegmentIndex> index);
  size_t size() const;

 private:
  const size_t indexes_max_;
  mutable std::mutex mutex_;
  std::list<std::shared_ptr<const SegmentIndex>> recent_;  ///< most recently used first
  std::unordered_map<const SegmentIndex*, std::list<std::shared_ptr<const SegmentIndex>>::iterator> places_;
};

}  // namespace thalweg::log
