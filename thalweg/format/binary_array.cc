#include "thalweg/format/binary_array.h"

#include <string>

#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/format/slot_codec_internal.h"

namespace thalweg::format {
namespace {

using schema::DataType;

constexpr size_t kCountBytes = sizeof(int32_t);

arrow::Status Malformed(size_t bytes) {
  return Error(ErrorCode::kCorruptRecord, "An array or map of {} bytes is malformed.", bytes);
}

/// Bytes behind the slots that a value takes for itself.
size_t BytesOf(const Datum& value) {
  const auto* text = value.get_if<std::string>();
  return text == nullptr ? 0 : text->size();
}

}  // namespace

arrow::Result<std::vector<uint8_t>> EncodeBinaryArray(const Datum::List& elements, const DataType& type,
                                                      RowFormat format) {
  SlotWriter writer(SlotsOfArrayAt(elements.size()), SlotBytesOf(type), elements.size());
  StoreLittle(writer.data(), static_cast<int32_t>(elements.size()));
  for (size_t i = 0; i < elements.size(); ++i) {
    if (elements[i].is_null()) {
      writer.data()[kCountBytes + i / 8] |= static_cast<uint8_t>(1 << i % 8);
    } else if (type.IsNested()) {
      ARROW_ASSIGN_OR_RAISE(const auto nested, EncodeNested(format, elements[i], type));
      writer.PutBehind(i, AsText(nested));
    } else {
      ARROW_RETURN_NOT_OK(writer.Put(i, elements[i], type));
    }
  }
  return writer.Finish();
}

arrow::Result<Datum::List> DecodeBinaryArray(ByteView bytes, const DataType& type, RowFormat format) {
  if (bytes.size() < kCountBytes) return Malformed(bytes.size());
  const auto count = LoadLittle<int32_t>(bytes.data());
  const size_t slot_bytes = SlotBytesOf(type);
  if (count < 0 || SlotsOfArrayAt(count) + slot_bytes * count > bytes.size()) return Malformed(bytes.size());
  // No two elements share bytes, so what they take together is bounded by the array; a bad one could claim far more.
  size_t budget = bytes.size();
  Datum::List elements;
  elements.reserve(count);
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    if (bytes[kCountBytes + i / 8] >> (i % 8) & 1) {
      elements.emplace_back();
      continue;
    }
    const uint8_t* slot = bytes.data() + SlotsOfArrayAt(count) + i * slot_bytes;
    size_t taken = 0;
    if (type.IsNested()) {
      ARROW_ASSIGN_OR_RAISE(const ByteView nested, ReadSlotBytes(bytes, slot));
      taken = nested.size();
      if (taken > budget) return Malformed(bytes.size());
      ARROW_ASSIGN_OR_RAISE(elements.emplace_back(), DecodeNested(format, nested, type));
    } else {
      ARROW_ASSIGN_OR_RAISE(elements.emplace_back(), ReadSlot(bytes, slot, type));
      taken = BytesOf(elements.back());
      if (taken > budget) return Malformed(bytes.size());
    }
    budget -= taken;
  }
  return elements;
}

arrow::Result<std::vector<uint8_t>> EncodeBinaryMap(const MapValue& map, const DataType& key, const DataType& value,
                                                    RowFormat format) {
  if (map.keys.size() != map.values.size()) return WrongValue(key);
  ARROW_ASSIGN_OR_RAISE(const auto keys, EncodeBinaryArray(map.keys, key, format));
  ARROW_ASSIGN_OR_RAISE(const auto values, EncodeBinaryArray(map.values, value, format));
  std::vector<uint8_t> bytes(sizeof(int32_t));
  StoreLittle(bytes.data(), static_cast<int32_t>(keys.size()));
  bytes.insert(bytes.end(), keys.begin(), keys.end());
  bytes.insert(bytes.end(), values.begin(), values.end());
  return bytes;
}

arrow::Result<MapValue> DecodeBinaryMap(ByteView bytes, const DataType& key, const DataType& value, RowFormat format) {
  if (bytes.size() < sizeof(int32_t)) return Malformed(bytes.size());
  const auto key_bytes = LoadLittle<int32_t>(bytes.data());
  const ByteView arrays = bytes.subspan(sizeof key_bytes);
  if (key_bytes < 0 || static_cast<size_t>(key_bytes) > arrays.size()) return Malformed(bytes.size());
  MapValue map;
  ARROW_ASSIGN_OR_RAISE(map.keys, DecodeBinaryArray(arrays.first(key_bytes), key, format));
  ARROW_ASSIGN_OR_RAISE(map.values, DecodeBinaryArray(arrays.subspan(key_bytes), value, format));
  if (map.keys.size() != map.values.size()) return Malformed(bytes.size());
  return map;
}

}  // namespace thalweg::format
