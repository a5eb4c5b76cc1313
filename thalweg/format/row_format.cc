#include "thalweg/format/row_format.h"

#include "thalweg/base/check.h"
#include "thalweg/format/binary_array.h"
#include "thalweg/format/compacted_row.h"
#include "thalweg/format/indexed_row.h"
#include "thalweg/format/slot_codec_internal.h"

namespace thalweg::format {

using schema::DataType;
using schema::TypeKind;

arrow::Result<std::vector<uint8_t>> EncodeRow(RowFormat format, std::span<const Datum> values,
                                              std::span<const DataType> types) {
  return format == RowFormat::kCompacted ? EncodeCompactedRow(values, types) : EncodeIndexedRow(values, types);
}

arrow::Result<std::vector<Datum>> DecodeRow(RowFormat format, ByteView bytes, std::span<const DataType> types) {
  return format == RowFormat::kCompacted ? DecodeCompactedRow(bytes, types) : DecodeIndexedRow(bytes, types);
}

std::vector<DataType> ChildTypes(const DataType& type) {
  std::vector<DataType> types;
  types.reserve(type.children.size());
  for (const schema::DataField& child : type.children) types.push_back(child.type);
  return types;
}

arrow::Result<std::vector<uint8_t>> EncodeNested(RowFormat format, const Datum& value, const DataType& type) {
  if (type.kind == TypeKind::kMap) {
    const auto* map = value.get_if<MapValue>();
    if (map == nullptr) return WrongValue(type);
    return EncodeBinaryMap(*map, type.children[0].type, type.children[1].type, format);
  }
  const auto* list = value.get_if<Datum::List>();
  if (list == nullptr) return WrongValue(type);
  if (type.kind == TypeKind::kArray) return EncodeBinaryArray(*list, type.children[0].type, format);
  if (list->size() != type.children.size()) return WrongValue(type);
  return EncodeRow(format, *list, ChildTypes(type));
}

arrow::Result<Datum> DecodeNested(RowFormat format, ByteView bytes, const DataType& type) {
  if (type.kind == TypeKind::kMap) {
    ARROW_ASSIGN_OR_RAISE(MapValue map, DecodeBinaryMap(bytes, type.children[0].type, type.children[1].type, format));
    return Datum{std::move(map)};
  }
  if (type.kind == TypeKind::kArray) {
    ARROW_ASSIGN_OR_RAISE(Datum::List list, DecodeBinaryArray(bytes, type.children[0].type, format));
    return Datum{std::move(list)};
  }
  TW_CHECK(type.kind == TypeKind::kRow);
  ARROW_ASSIGN_OR_RAISE(Datum::List list, DecodeRow(format, bytes, ChildTypes(type)));
  return Datum{std::move(list)};
}

}  // namespace thalweg::format
