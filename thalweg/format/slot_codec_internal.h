#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/format/datum.h"
#include "thalweg/schema/data_type.h"

namespace thalweg::format {

/// What aligned rows and binary arrays have in common: a slot for each value, in the container's order; behind the slots
/// what no slot holds. Numbers stand in the slot itself. CHAR, STRING, BINARY, BYTES: up to 7 bytes in the slot with
/// 0x80 | size in its last byte; longer ones stand behind, the slot is offset << 32 | size. DECIMAL above 18 digits:
/// likewise behind, with 16 bytes of room. TIMESTAMP above 3 digits: the milliseconds stand behind, the slot is
/// offset << 32 | nanoseconds. Offsets count from the start of the container; everything behind starts at a multiple of 8.
inline constexpr size_t kSlotBytes = 8;
inline constexpr size_t kSlotInlineBytesMax = 7;
inline constexpr uint8_t kSlotInlineMark = 0x80;

/// Bytes of a slot in an array of `type`; those of rows are all kSlotBytes.
size_t SlotBytesOf(const schema::DataType& type);
/// Where the slots of an array of `count` elements stand: behind the count and the null bits.
inline constexpr size_t SlotsOfArrayAt(size_t count) { return sizeof(int32_t) + (count + 31) / 32 * 4; }

class SlotWriter {
 public:
  SlotWriter(size_t slots_at, size_t slot_bytes, size_t count)
      : slots_at_(slots_at), slot_bytes_(slot_bytes), bytes_((slots_at + slot_bytes * count + 7) / 8 * 8) {}

  uint8_t* data() { return bytes_.data(); }
  uint8_t* slot(size_t index) { return bytes_.data() + slots_at_ + index * slot_bytes_; }

  /// Any type but a nested one; `value` is not null. INVALID_TABLE where it is not of `type`.
  arrow::Status Put(size_t index, const Datum& value, const schema::DataType& type);
  /// `low` is the lower half of the slot; `room` what is taken behind, at least the size of `data`.
  void PutBehind(size_t index, std::string_view data, uint32_t low, size_t room);
  void PutBehind(size_t index, std::string_view data) {
    PutBehind(index, data, static_cast<uint32_t>(data.size()), (data.size() + 7) / 8 * 8);
  }

  std::vector<uint8_t> Finish() { return std::move(bytes_); }

 private:
  void PutText(size_t index, std::string_view text);
  arrow::Status PutInteger(size_t index, const Datum& value, const schema::DataType& type);

  size_t slots_at_;
  size_t slot_bytes_;
  std::vector<uint8_t> bytes_;
};

/// The value in `slot`, which holds as many bytes as values of `type` take; any type but a nested one.
/// CORRUPT_RECORD where it points outside `container`.
arrow::Result<Datum> ReadSlot(ByteView container, const uint8_t* slot, const schema::DataType& type);
/// The bytes behind the slots that `slot` points to. CORRUPT_RECORD where they lie outside.
arrow::Result<ByteView> ReadSlotBytes(ByteView container, const uint8_t* slot);

/// INVALID_TABLE: the value does not fit the type.
arrow::Status WrongValue(const schema::DataType& type);

}  // namespace thalweg::format
