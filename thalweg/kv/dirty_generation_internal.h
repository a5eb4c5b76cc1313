#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "thalweg/base/bytes.h"
#include "thalweg/kv/dirty_budget.h"
#include "thalweg/kv/state_meta.h"

namespace thalweg::kv {

/// One value of a key from one offset of the changelog on, or its removal. In an arena; never changed once it can be seen.
struct DirtyVersion {
  int64_t offset = 0;
  DirtyVersion* older = nullptr;
  uint32_t size = 0;
  bool removed = false;

  // The value stands behind the struct.
  ByteView value() const { return {reinterpret_cast<const uint8_t*>(this + 1), size}; }
  std::optional<ByteView> row() const { return removed ? std::nullopt : std::optional(value()); }
};

/// A key with its versions, newest first. In an arena; stays at its address.
struct DirtyEntry {
  std::atomic<DirtyVersion*> newest = nullptr;
  uint32_t key_size = 0;

  ByteView key() const { return {reinterpret_cast<const uint8_t*>(this + 1), key_size}; }
  /// The newest version below `end`, or null.
  const DirtyVersion* Below(int64_t end) const {
    const DirtyVersion* version = newest.load(std::memory_order_acquire);
    while (version && version->offset >= end) version = version->older;
    return version;
  }
};

/// Memory handed out in order and given back all at once. The first block is small, since most buckets are.
class DirtyArena {
 public:
  explicit DirtyArena(std::shared_ptr<DirtyBudget::Share> share) : share_(std::move(share)) {}
  ~DirtyArena() { share_->Add(-static_cast<int64_t>(bytes_)); }
  /// Aligned for pointers.
  uint8_t* Allocate(size_t bytes);
  size_t bytes() const { return bytes_; }

 private:
  static constexpr size_t kFirstBlockBytes = 4 << 10;
  static constexpr size_t kBlockBytesMax = 256 << 10;

  const std::shared_ptr<DirtyBudget::Share> share_;
  std::vector<std::unique_ptr<uint8_t[]>> blocks_;
  uint8_t* free_ = nullptr;
  size_t free_bytes_ = 0;
  size_t next_block_bytes_ = kFirstBlockBytes;
  size_t bytes_ = 0;
};

/// The rows that were written between two seals of an overlay: a hash table of keys, found by readers under the overlay's mutex,
/// and sorted runs of them for those who scan.
///
/// Thread safety: one writer calls Upsert, with the overlay's mutex held, and may call Find without. Others call Find and
/// entry_count with that mutex held. What Runs() gives, and what entries lead to, is read without a lock.
class DirtyGeneration {
 public:
  using Run = std::vector<DirtyEntry*>;
  using Runs = std::vector<std::shared_ptr<const Run>>;

  DirtyGeneration(const std::shared_ptr<DirtyBudget::Share>& share, uint64_t hash_seed)
      : hash_seed_(hash_seed), share_(share), arena_(share) {}
  ~DirtyGeneration() { share_->Add(-static_cast<int64_t>(table_bytes_)); }

  DirtyEntry* Find(ByteView key) const;
  /// The entry of `key`, made where there was none, with a new version on top.
  DirtyEntry* Upsert(ByteView key, std::optional<ByteView> value, int64_t offset);

  /// All entries that there are now, in sorted runs with no entry twice. `overlay_mutex` guards the table. Sorts what came since
  /// the last call: the first one after many writes takes its time.
  Runs SortedRuns(std::mutex& overlay_mutex);

  size_t entry_count() const { return entries_.size(); }
  /// Of memory; asked with the overlay's mutex held.
  size_t bytes() const { return arena_.bytes() + table_bytes_; }

  /// Set when sealed: the changelog offset where the next generation begins.
  std::optional<LogOffset> end;
  /// Of all rows up to `end`; set once these are published.
  std::optional<StateMeta> meta;

 private:
  // | lower half of the hash | index into entries_ + 1 |; 0: free. Linear probing from the hash on, at most half full; the half is
  // enough to find the place in a larger table.
  using Slot = uint64_t;
  static constexpr size_t kFirstSlots = 64;

  uint32_t HashOf(ByteView key) const;
  void Insert(uint32_t hash, size_t entry_number);
  void GrowTable();
  void CountTable();

  const uint64_t hash_seed_;
  const std::shared_ptr<DirtyBudget::Share> share_;
  DirtyArena arena_;
  std::vector<Slot> slots_;
  std::vector<DirtyEntry*> entries_;
  size_t table_bytes_ = 0;

  std::mutex runs_mutex_;  // guards the two below; taken before the overlay's
  Runs runs_;
  size_t sorted_ = 0;  // entries_ in front of it are in runs_
};

/// Unsigned bytes, as stores order keys.
bool KeyLess(ByteView a, ByteView b);

}  // namespace thalweg::kv
