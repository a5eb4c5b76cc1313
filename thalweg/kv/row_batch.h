#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "thalweg/base/bytes.h"
#include "thalweg/base/check.h"

namespace thalweg::kv {

/// The answers to a request for several keys, in the order of the keys: each is unknown at first, then absent or a value. Made
/// to be reused: memory is kept from request to request, so that a server that has warmed up allocates nothing here.
/// Thread safety: none.
class RowBatch {
 public:
  /// Forgets everything; `count` keys, all unknown.
  void Reset(size_t count) {
    slots_.assign(count, Slot{});
    bytes_.clear();
    unknown_ = count;
    cut_ = false;
  }
  /// Of all values, from now on and over resets: one that does not fit any more is as if it were absent, but for the first, and
  /// cut() says so.
  void set_bytes_max(size_t bytes_max) { bytes_max_ = bytes_max; }
  bool cut() const { return cut_; }

  size_t size() const { return slots_.size(); }
  /// Keys about which nothing has been said yet.
  size_t unknown() const { return unknown_; }
  bool IsKnown(size_t index) const { return slots_[index].state != State::kUnknown; }

  void SetAbsent(size_t index) { Know(index).state = State::kAbsent; }
  /// Copies the bytes.
  void Set(size_t index, ByteView value) {
    Slot& slot = Know(index);
    if (!bytes_.empty() && bytes_.size() + value.size() > bytes_max_) {
      slot.state = State::kAbsent;
      cut_ = true;
      return;
    }
    slot = {State::kRow, bytes_.size(), value.size()};
    bytes_.insert(bytes_.end(), value.begin(), value.end());
  }

  /// The value; nothing where the key is absent. Valid until the next Set or Reset.
  std::optional<ByteView> At(size_t index) const {
    const Slot& slot = slots_[index];
    TW_CHECK(slot.state != State::kUnknown);
    if (slot.state == State::kAbsent) return std::nullopt;
    return ByteView(bytes_).subspan(slot.begin, slot.size);
  }

  /// Of all values.
  size_t bytes() const { return bytes_.size(); }

 private:
  enum class State : uint8_t { kUnknown, kAbsent, kRow };
  struct Slot {
    State state = State::kUnknown;
    size_t begin = 0;
    size_t size = 0;
  };

  Slot& Know(size_t index) {
    TW_CHECK(slots_[index].state == State::kUnknown);
    --unknown_;
    return slots_[index];
  }

  std::vector<Slot> slots_;
  std::vector<uint8_t> bytes_;
  size_t unknown_ = 0;
  size_t bytes_max_ = SIZE_MAX;
  bool cut_ = false;
};

}  // namespace thalweg::kv
