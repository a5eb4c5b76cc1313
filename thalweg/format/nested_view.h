#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/bytes.h"
#include "thalweg/format/datum.h"
#include "thalweg/schema/data_type.h"

namespace thalweg::format {

/// An ARRAY, as rows hold it (binary_array.h), read in place. What it offers is named as in RowView, for elements instead of
/// columns; elements of ROW are rows of the container's format, read with a RowView.
///
/// Invariants: after a Reset() that succeeded every element lies inside the bytes; no two of them claim more bytes together
/// than there are. Bytes and type must outlive the view.
class ArrayView {
 public:
  /// CORRUPT_RECORD where the bytes are not sound. `element` is the type of the elements.
  arrow::Status Reset(ByteView bytes, const schema::DataType& element);

  size_t size() const { return count_; }
  bool IsNull(size_t index) const { return (bytes_[kCountBytes + index / 8] >> (index % 8) & 1) != 0; }
  int64_t Integer(size_t index) const;
  bool Boolean(size_t index) const { return *Slot(index) != 0; }
  uint64_t FloatingBits(size_t index) const { return static_cast<uint64_t>(Integer(index)); }
  ByteView Bytes(size_t index) const;
  std::string_view Text(size_t index) const { return AsText(Bytes(index)); }
  Int128 Decimal(size_t index) const;
  TimestampValue Timestamp(size_t index) const;

 private:
  static constexpr size_t kCountBytes = sizeof(int32_t);

  const uint8_t* Slot(size_t index) const { return bytes_.data() + slots_at_ + index * slot_bytes_; }
  arrow::Status CheckElements() const;

  ByteView bytes_;
  const schema::DataType* element_ = nullptr;
  size_t count_ = 0;
  size_t slots_at_ = 0;
  size_t slot_bytes_ = 0;
};

/// Keys and values of a MAP; as many of the one as of the other.
struct MapView {
  ArrayView keys;
  ArrayView values;

  /// CORRUPT_RECORD where the bytes are not sound. `type` is the MAP's.
  arrow::Status Reset(ByteView bytes, const schema::DataType& type);
};

}  // namespace thalweg::format
