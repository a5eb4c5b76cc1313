#include "thalweg/log/segment_index.h"

#include <algorithm>

#include "thalweg/base/endian.h"

namespace thalweg::log {

void SegmentIndex::Add(IndexEntry entry) {
  const IndexEntry& before = last();
  entry.timestamp_ms = std::max(entry.timestamp_ms, before.timestamp_ms);
  if (entry.position - before.position < interval_bytes_) return;
  if (entries_.size() >= kEntriesMax) {
    for (size_t i = 0; 2 * i + 1 < entries_.size(); ++i) entries_[i] = entries_[2 * i + 1];
    entries_.resize(entries_.size() / 2);
    const auto spacing = static_cast<uint32_t>((last().position - origin_.position) / entries_.size());
    interval_bytes_ = std::max(2 * interval_bytes_, spacing);
    ++thinnings_;
    if (entry.position - last().position < interval_bytes_) return;
  }
  entries_.push_back(entry);
}

void SegmentIndex::Extend(const SegmentIndex& later) {
  Add(later.origin_);
  for (const IndexEntry& entry : later.entries_) Add(entry);
}

const IndexEntry& SegmentIndex::AtOrBelowOffset(uint64_t offset_delta) const {
  auto above = std::ranges::upper_bound(entries_, offset_delta, {}, &IndexEntry::offset_delta);
  return above == entries_.begin() ? origin_ : *std::prev(above);
}

const IndexEntry& SegmentIndex::AtOrBelowPosition(uint64_t position) const {
  auto above = std::ranges::upper_bound(entries_, position, {}, &IndexEntry::position);
  return above == entries_.begin() ? origin_ : *std::prev(above);
}

const IndexEntry& SegmentIndex::BeforeTimestamp(int64_t timestamp_ms) const {
  auto at = std::ranges::lower_bound(entries_, timestamp_ms, {}, &IndexEntry::timestamp_ms);
  return at == entries_.begin() ? origin_ : *std::prev(at);
}

std::string SegmentIndex::EncodeOffsets(size_t first_entry) const {
  std::string bytes((entries_.size() - first_entry) * kOffsetEntryBytes, '\0');
  auto* to = reinterpret_cast<uint8_t*>(bytes.data());
  for (size_t i = first_entry; i < entries_.size(); ++i, to += kOffsetEntryBytes) {
    StoreBig<uint32_t>(to, entries_[i].offset_delta);
    StoreBig<uint32_t>(to + 4, entries_[i].position);
  }
  return bytes;
}

std::string SegmentIndex::EncodeTimes(size_t first_entry) const {
  std::string bytes((entries_.size() - first_entry) * kTimeEntryBytes, '\0');
  auto* to = reinterpret_cast<uint8_t*>(bytes.data());
  for (size_t i = first_entry; i < entries_.size(); ++i, to += kTimeEntryBytes) {
    StoreBig<int64_t>(to, entries_[i].timestamp_ms);
    StoreBig<uint32_t>(to + 8, entries_[i].offset_delta);
  }
  return bytes;
}

SegmentIndex SegmentIndex::Decode(ByteView offsets, ByteView times, uint64_t segment_bytes, uint32_t interval_bytes) {
  SegmentIndex index({}, interval_bytes);
  const size_t count =
      std::min({offsets.size() / kOffsetEntryBytes, times.size() / kTimeEntryBytes, SegmentIndex::kEntriesMax});
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* from = offsets.data() + i * kOffsetEntryBytes;
    const uint8_t* time_from = times.data() + i * kTimeEntryBytes;
    const IndexEntry entry{.offset_delta = LoadBig<uint32_t>(from),
                           .position = LoadBig<uint32_t>(from + 4),
                           .timestamp_ms = LoadBig<int64_t>(time_from)};
    const IndexEntry& before = index.last();
    if (LoadBig<uint32_t>(time_from + 8) != entry.offset_delta || entry.offset_delta <= before.offset_delta ||
        entry.position <= before.position || entry.position >= segment_bytes ||
        entry.timestamp_ms < before.timestamp_ms) {
      break;
    }
    index.entries_.push_back(entry);
  }
  return index;
}

}  // namespace thalweg::log
