#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <new>
#include <utility>

#define XXH_INLINE_ALL
#include "thalweg/base/check.h"
#include "thalweg/base/endian.h"
#include "thalweg/kv/dirty_generation_internal.h"
#include "xxhash.h"

namespace thalweg::kv {
namespace {

constexpr size_t kAlignment = alignof(DirtyEntry);
constexpr int kHashShift = 32;

/// An entry with the front of its key, which decides nearly always without a look at the entry.
struct SortedEntry {
  uint64_t leading;
  DirtyEntry* entry;
};

uint64_t LeadingBytes(ByteView key) {
  std::array<uint8_t, sizeof(uint64_t)> bytes{};
  std::ranges::copy(key.first(std::min(key.size(), bytes.size())), bytes.begin());
  return LoadBig<uint64_t>(bytes.data());
}

void SortByKey(std::vector<DirtyEntry*>& entries) {
  std::vector<SortedEntry> sorted;
  sorted.reserve(entries.size());
  for (DirtyEntry* const entry : entries) sorted.push_back({LeadingBytes(entry->key()), entry});
  std::sort(sorted.begin(), sorted.end(), [](const SortedEntry& a, const SortedEntry& b) {
    return a.leading != b.leading ? a.leading < b.leading : KeyLess(a.entry->key(), b.entry->key());
  });
  std::ranges::transform(sorted, entries.begin(), &SortedEntry::entry);
}

}  // namespace

bool KeyLess(ByteView a, ByteView b) {
  const size_t shared = std::min(a.size(), b.size());
  const int order = shared == 0 ? 0 : std::memcmp(a.data(), b.data(), shared);
  return order != 0 ? order < 0 : a.size() < b.size();
}

uint8_t* DirtyArena::Allocate(size_t bytes) {
  bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  if (bytes > free_bytes_) {
    // What is left of the block is lost: at most a quarter of it, since larger pieces get a block of their own.
    const bool alone = bytes > next_block_bytes_ / 4;
    const size_t block_bytes = alone ? bytes : next_block_bytes_;
    uint8_t* const block = blocks_.emplace_back(new uint8_t[block_bytes]).get();
    bytes_ += block_bytes;
    share_->Add(static_cast<int64_t>(block_bytes));
    if (alone) return block;
    next_block_bytes_ = std::min(2 * next_block_bytes_, kBlockBytesMax);
    free_ = block;
    free_bytes_ = block_bytes;
  }
  uint8_t* const given = free_;
  free_ += bytes;
  free_bytes_ -= bytes;
  return given;
}

uint32_t DirtyGeneration::HashOf(ByteView key) const {
  return static_cast<uint32_t>(XXH3_64bits_withSeed(key.data(), key.size(), hash_seed_));
}

DirtyEntry* DirtyGeneration::Find(ByteView key) const {
  if (slots_.empty()) return nullptr;
  const uint32_t hash = HashOf(key);
  const size_t mask = slots_.size() - 1;
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot slot = slots_[at];
    if (slot == 0) return nullptr;
    if (slot >> kHashShift != hash) continue;
    DirtyEntry* const entry = entries_[static_cast<uint32_t>(slot) - 1];
    if (std::ranges::equal(entry->key(), key)) return entry;
  }
}

void DirtyGeneration::Insert(uint32_t hash, size_t entry_number) {
  const size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  while (slots_[at] != 0) at = (at + 1) & mask;
  slots_[at] = Slot{hash} << kHashShift | entry_number;
}

void DirtyGeneration::GrowTable() {
  const std::vector<Slot> before = std::exchange(slots_, std::vector<Slot>(std::max(kFirstSlots, 2 * slots_.size())));
  for (const Slot slot : before) {
    if (slot != 0) Insert(static_cast<uint32_t>(slot >> kHashShift), static_cast<uint32_t>(slot));
  }
}

void DirtyGeneration::CountTable() {
  const size_t bytes = slots_.capacity() * sizeof(Slot) + entries_.capacity() * sizeof(DirtyEntry*);
  if (bytes == table_bytes_) return;
  share_->Add(static_cast<int64_t>(bytes) - static_cast<int64_t>(table_bytes_));
  table_bytes_ = bytes;
}

DirtyEntry* DirtyGeneration::Upsert(ByteView key, std::optional<ByteView> value, int64_t offset) {
  DirtyEntry* entry = Find(key);
  if (!entry) {
    entry = new (arena_.Allocate(sizeof(DirtyEntry) + key.size())) DirtyEntry;
    entry->key_size = static_cast<uint32_t>(key.size());
    std::memcpy(reinterpret_cast<uint8_t*>(entry + 1), key.data(), key.size());
    TW_CHECK(entries_.size() < UINT32_MAX - 1);
    entries_.push_back(entry);
    if (2 * entries_.size() > slots_.size()) GrowTable();
    Insert(HashOf(key), entries_.size());
    CountTable();
  }
  const size_t size = value ? value->size() : 0;
  DirtyVersion* const version = new (arena_.Allocate(sizeof(DirtyVersion) + size)) DirtyVersion;
  version->offset = offset;
  version->older = entry->newest.load(std::memory_order_relaxed);
  version->size = static_cast<uint32_t>(size);
  version->removed = !value;
  if (size > 0) std::memcpy(reinterpret_cast<uint8_t*>(version + 1), value->data(), size);
  entry->newest.store(version, std::memory_order_release);
  return entry;
}

DirtyGeneration::Runs DirtyGeneration::SortedRuns(std::mutex& overlay_mutex) {
  std::lock_guard runs_lock(runs_mutex_);
  auto fresh = std::make_shared<Run>();
  {
    std::lock_guard lock(overlay_mutex);
    fresh->assign(entries_.begin() + static_cast<ptrdiff_t>(sorted_), entries_.end());
  }
  if (fresh->empty()) return runs_;
  const auto by_key = [](const DirtyEntry* a, const DirtyEntry* b) { return KeyLess(a->key(), b->key()); };
  SortByKey(*fresh);
  sorted_ += fresh->size();
  // Each run at least twice as long as the next: few runs, and each entry is moved only so often.
  while (!runs_.empty() && runs_.back()->size() < 2 * fresh->size()) {
    auto merged = std::make_shared<Run>();
    merged->reserve(runs_.back()->size() + fresh->size());
    std::merge(runs_.back()->begin(), runs_.back()->end(), fresh->begin(), fresh->end(), std::back_inserter(*merged),
               by_key);
    fresh = std::move(merged);
    runs_.pop_back();
  }
  runs_.push_back(std::move(fresh));
  return runs_;
}

}  // namespace thalweg::kv
