#pragma once

#include <cstddef>
#include <list>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"

namespace thalweg::service {

/// The batches that were cut for the last LIMIT_SCAN of a bucket, since who asks for the last rows of a log asks again, and
/// cutting means decompressing a whole batch. At most kSlicesMax of kSliceBytesMax each, the least recently used goes.
///
/// What is kept is never wrong: a readable batch does not change, offsets of a bucket are given once, table ids never twice.
/// Whether somebody may see it, and whether the bucket still exists, is checked before anybody looks here.
/// Thread safety: any thread.
class SliceCache {
 public:
  static constexpr size_t kSlicesMax = 256;
  static constexpr size_t kSliceBytesMax = 8 << 10;

  /// The batch that begins at `from`, if it is what was kept last for `bucket`.
  std::optional<Bytes> Find(const TableBucket& bucket, LogOffset from);

  /// Takes a copy of `batch`, which begins at `from`, unless it is too large.
  void Keep(const TableBucket& bucket, LogOffset from, ByteView batch);

 private:
  struct Slice {
    TableBucket bucket;
    LogOffset from;
    Bytes batch;
  };

  std::mutex mutex_;
  std::list<Slice> slices_;  ///< the last used first
  std::unordered_map<TableBucket, std::list<Slice>::iterator> places_;
};

}  // namespace thalweg::service
