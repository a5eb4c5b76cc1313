#pragma once

#include <cstdint>
#include <vector>

#include "thalweg/base/bytes.h"

namespace thalweg::wire {

/// Walks the fields of one protobuf message in place; never copies, never allocates, never recurses further than
/// kGroupDepthMax. A field is decoded whole before it is shown, so whoever does not know it simply calls Next again.
///
///   MessageReader in(body);
///   while (in.Next()) {
///     switch (in.field()) {
///       case Field(1, WireType::kVarint): acks = in.int32(); break;
///     }
///   }
///   if (!in.ok()) ...
///
/// A known number with another wire type falls through that switch and is skipped, as protobuf's own parsers do.
enum class WireType : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kGroup = 3, kGroupEnd = 4, kFixed32 = 5 };

/// Number and wire type of a field as it stands on the wire.
constexpr uint32_t Field(uint32_t number, WireType type) { return number << 3 | static_cast<uint32_t>(type); }

class MessageReader {
 public:
  static constexpr int kGroupDepthMax = 32;

  explicit MessageReader(ByteView message) : rest_(message) {}

  /// Moves to the next field. False at the end of the message and where it is malformed; ok() tells which.
  bool Next();
  bool ok() const { return ok_; }

  uint32_t field() const { return field_; }
  /// Of a varint; an int32 is the low half, as everywhere in protobuf.
  int64_t int64() const { return static_cast<int64_t>(number_); }
  int32_t int32() const { return static_cast<int32_t>(number_); }
  bool boolean() const { return number_ != 0; }
  /// Of a kBytes field: inside the message given to the constructor.
  ByteView bytes() const { return bytes_; }

 private:
  bool Fail() { return ok_ = false; }
  bool ReadValue(WireType type);
  bool SkipGroup(uint32_t number);

  ByteView rest_;
  bool ok_ = true;
  uint32_t field_ = 0;
  uint64_t number_ = 0;
  ByteView bytes_;
};

/// Appends the numbers of a packed field. False where the bytes are malformed.
bool ReadPacked(ByteView packed, std::vector<int32_t>* to);

}  // namespace thalweg::wire
