#include "thalweg/format/column_buffers.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/base/wrapping.h"
#include "thalweg/format/row_format.h"
#include "thalweg/format/slot_codec_internal.h"

namespace thalweg::format {
namespace {

using schema::DataType;
using schema::TypeKind;

/// What is done to a number on its way from a row into a column.
enum class Conversion : uint8_t {
  kBit,
  kInteger,  ///< its lower `width` bytes; floating-point numbers too
  kTime,     ///< milliseconds, in the unit of the precision
  kTimestamp,
  kDecimal,
  kText,
  kPaddedText,  ///< CHAR of INDEXED, with the zeros behind it: Fluss's server leaves them in the changelog
  kFixedBytes,
  kList,
  kMap,
  kStruct,
};

/// Units in which Arrow counts a time of `precision`.
constexpr int64_t kMillisInSecond = 1000;
constexpr int64_t kMicrosInMilli = 1000;
constexpr int64_t kNanosInMilli = 1'000'000;
constexpr int64_t kNanosInMicro = 1000;

int64_t ArrowTime(int64_t millis, int32_t precision) {
  if (precision == 0) return millis / kMillisInSecond;
  if (precision <= 3) return millis;
  return WrappingTimes(millis, precision <= 6 ? kMicrosInMilli : kNanosInMilli);
}

int64_t ArrowTimestamp(TimestampValue time, int32_t precision) {
  if (precision <= 3) return ArrowTime(time.millis, precision);
  if (precision <= 6) return WrappingPlus(WrappingTimes(time.millis, kMicrosInMilli), time.nanos / kNanosInMicro);
  return WrappingPlus(WrappingTimes(time.millis, kNanosInMilli), time.nanos);
}

int32_t WidthOf(const DataType& type) {
  switch (type.kind) {
    case TypeKind::kTinyInt:
      return 1;
    case TypeKind::kSmallInt:
      return 2;
    case TypeKind::kInt:
    case TypeKind::kFloat:
    case TypeKind::kDate:
      return 4;
    case TypeKind::kTime:
      return type.precision <= 3 ? 4 : 8;
    case TypeKind::kDecimal:
      return sizeof(Int128);
    case TypeKind::kBinary:
      return type.length;
    default:
      return 8;
  }
}

Conversion ConversionOf(const DataType& type, RowFormat format) {
  switch (type.kind) {
    case TypeKind::kBoolean:
      return Conversion::kBit;
    case TypeKind::kChar:
      return format == RowFormat::kIndexed ? Conversion::kPaddedText : Conversion::kText;
    case TypeKind::kString:
    case TypeKind::kBytes:
      return Conversion::kText;
    case TypeKind::kBinary:
      return Conversion::kFixedBytes;
    case TypeKind::kDecimal:
      return Conversion::kDecimal;
    case TypeKind::kTime:
      return Conversion::kTime;
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz:
      return Conversion::kTimestamp;
    case TypeKind::kArray:
      return Conversion::kList;
    case TypeKind::kMap:
      return Conversion::kMap;
    case TypeKind::kRow:
      return Conversion::kStruct;
    default:
      return Conversion::kInteger;
  }
}

NodeLayout LayoutOf(Conversion conversion) {
  switch (conversion) {
    case Conversion::kBit:
      return NodeLayout::kBits;
    case Conversion::kText:
    case Conversion::kPaddedText:
      return NodeLayout::kVariable;
    case Conversion::kList:
    case Conversion::kMap:
      return NodeLayout::kList;
    case Conversion::kStruct:
      return NodeLayout::kStruct;
    default:
      return NodeLayout::kFixed;
  }
}

/// CHAR of INDEXED with what fills it up; elsewhere there is nothing of the kind.
ByteView PaddedText(const RowView& row, size_t column) {
  return row.layout().format() == RowFormat::kIndexed ? row.Encoded(column) : row.Bytes(column);
}
ByteView PaddedText(const ArrayView& array, size_t index) { return array.Bytes(index); }

/// Whether the view leaves out zeros that belong to a BINARY.
bool IsPadded(const RowView& row) { return row.layout().format() == RowFormat::kIndexed; }
bool IsPadded(const ArrayView&) { return false; }

/// The least number of more digits than a DECIMAL has.
Int128 BoundOf(const DataType& type) {
  Int128 bound = 1;
  for (int32_t i = 0; type.kind == TypeKind::kDecimal && i < type.precision; ++i) bound *= 10;
  return bound;
}

}  // namespace

struct ColumnBuffers::Node {
  Node(const DataType& of, RowFormat format)
      : type(of),
        conversion(ConversionOf(of, format)),
        layout(LayoutOf(conversion)),
        width(WidthOf(of)),
        bound(BoundOf(of)) {
    if (conversion == Conversion::kMap) {
      children.push_back(std::make_unique<Node>(schema::MakeRow(of.children), format));
    } else {
      for (const schema::DataField& child : of.children) children.push_back(std::make_unique<Node>(child.type, format));
    }
    if (conversion == Conversion::kStruct) row_layout = std::make_unique<RowLayout>(format, ChildTypes(of));
    Clear();
  }

  void Clear() {
    count = null_count = 0;
    validity.clear();
    values.clear();
    offsets.assign(layout == NodeLayout::kVariable || layout == NodeLayout::kList ? 1 : 0, 0);
    for (auto& child : children) child->Clear();
  }

  void AppendBit(std::vector<uint8_t>* bits, bool value) const {
    if (count % 8 == 0) bits->push_back(0);
    bits->back() |= static_cast<uint8_t>(value) << (count % 8);
  }

  void AppendNull() {
    switch (layout) {
      case NodeLayout::kBits:
        AppendBit(&values, false);
        break;
      case NodeLayout::kFixed:
        values.resize(values.size() + static_cast<size_t>(width));
        break;
      case NodeLayout::kVariable:
      case NodeLayout::kList:
        offsets.push_back(offsets.back());
        break;
      case NodeLayout::kStruct:
        for (auto& child : children) child->AppendNull();
    }
    AppendBit(&validity, false);
    ++count;
    ++null_count;
  }

  void AppendFixed(const void* from) {
    const size_t at = values.size();
    values.resize(at + static_cast<size_t>(width));
    std::memcpy(values.data() + at, from, static_cast<size_t>(width));
  }

  arrow::Status AppendText(ByteView text) {
    const size_t end = values.size() + text.size();
    if (end > static_cast<size_t>(std::numeric_limits<int32_t>::max())) return TooLarge();
    values.insert(values.end(), text.begin(), text.end());
    offsets.push_back(static_cast<int32_t>(end));
    return arrow::Status::OK();
  }

  arrow::Status AppendDecimal(Int128 unscaled) {
    if (unscaled >= bound || unscaled <= -bound) return WrongValue(type);
    AppendFixed(&unscaled);
    return arrow::Status::OK();
  }

  arrow::Status AppendFixedBytes(ByteView bytes, bool is_padded) {
    const auto room = static_cast<size_t>(width);
    if (bytes.size() > room || (bytes.size() < room && !is_padded)) return WrongValue(type);
    const size_t at = values.size();
    values.resize(at + room);
    std::ranges::copy(bytes, values.begin() + static_cast<ptrdiff_t>(at));
    return arrow::Status::OK();
  }

  static arrow::Status TooLarge() {
    return Error(ErrorCode::kRecordTooLarge,
                 "A column of the changelog would take more than 2 GiB; send smaller batches.");
  }

  template <typename Source>
  arrow::Status Append(const Source& source, size_t at) {
    if (source.IsNull(at)) {
      AppendNull();
      return arrow::Status::OK();
    }
    ARROW_RETURN_NOT_OK(AppendValue(source, at));
    AppendBit(&validity, true);
    ++count;
    return arrow::Status::OK();
  }

  template <typename Source>
  arrow::Status AppendValue(const Source& source, size_t at) {
    switch (conversion) {
      case Conversion::kBit:
        AppendBit(&values, source.Boolean(at));
        break;
      case Conversion::kInteger: {
        const int64_t number = source.Integer(at);
        AppendFixed(&number);
        break;
      }
      case Conversion::kTime: {
        const int64_t number = ArrowTime(source.Integer(at), type.precision);
        AppendFixed(&number);
        break;
      }
      case Conversion::kTimestamp: {
        const int64_t number = ArrowTimestamp(source.Timestamp(at), type.precision);
        AppendFixed(&number);
        break;
      }
      case Conversion::kDecimal:
        return AppendDecimal(source.Decimal(at));
      case Conversion::kText:
        return AppendText(source.Bytes(at));
      case Conversion::kPaddedText:
        return AppendText(PaddedText(source, at));
      case Conversion::kFixedBytes:
        return AppendFixedBytes(source.Bytes(at), IsPadded(source));
      case Conversion::kList:
        return AppendList(source.Bytes(at));
      case Conversion::kMap:
        return AppendMap(source.Bytes(at));
      case Conversion::kStruct:
        return AppendStruct(source.Bytes(at));
    }
    return arrow::Status::OK();
  }

  arrow::Status EndList(size_t elements) {
    const size_t end = static_cast<size_t>(offsets.back()) + elements;
    if (end > static_cast<size_t>(std::numeric_limits<int32_t>::max())) return TooLarge();
    offsets.push_back(static_cast<int32_t>(end));
    return arrow::Status::OK();
  }

  arrow::Status AppendList(ByteView bytes) {
    ArrayView array;
    ARROW_RETURN_NOT_OK(array.Reset(bytes, type.children[0].type));
    for (size_t i = 0; i < array.size(); ++i) ARROW_RETURN_NOT_OK(children[0]->Append(array, i));
    return EndList(array.size());
  }

  arrow::Status AppendMap(ByteView bytes) {
    MapView map;
    ARROW_RETURN_NOT_OK(map.Reset(bytes, type));
    Node& entries = *children[0];
    for (size_t i = 0; i < map.keys.size(); ++i) {
      // Arrow has no such maps: it would not read the changelog back.
      if (map.keys.IsNull(i)) return Error(ErrorCode::kInvalidTable, "A map has a null key: give every entry a key.");
      ARROW_RETURN_NOT_OK(entries.children[0]->Append(map.keys, i));
      ARROW_RETURN_NOT_OK(entries.children[1]->Append(map.values, i));
      entries.AppendBit(&entries.validity, true);
      ++entries.count;
    }
    return EndList(map.keys.size());
  }

  arrow::Status AppendStruct(ByteView bytes) {
    ARROW_RETURN_NOT_OK(row.Reset(*row_layout, bytes));
    for (size_t i = 0; i < children.size(); ++i) ARROW_RETURN_NOT_OK(children[i]->Append(row, i));
    return arrow::Status::OK();
  }

  void AddParts(Parts* parts) const {
    parts->nodes.push_back({count, null_count});
    parts->buffers.push_back(validity);
    if (!offsets.empty()) {
      // Of no values not even the first offset is written.
      const size_t offset_count = count == 0 ? 0 : offsets.size();
      parts->buffers.push_back({reinterpret_cast<const uint8_t*>(offsets.data()), offset_count * sizeof(int32_t)});
    }
    if (layout != NodeLayout::kList && layout != NodeLayout::kStruct) parts->buffers.push_back(values);
    for (const auto& child : children) child->AddParts(parts);
  }

  size_t bytes() const {
    size_t sum = validity.size() + values.size() + offsets.size() * sizeof(int32_t);
    for (const auto& child : children) sum += child->bytes();
    return sum;
  }

  DataType type;
  Conversion conversion;
  NodeLayout layout;
  int32_t width;
  Int128 bound;  ///< of a DECIMAL
  int64_t count = 0;
  int64_t null_count = 0;
  std::vector<uint8_t> validity;
  std::vector<uint8_t> values;
  std::vector<int32_t> offsets;  ///< one more than values; empty where the layout has none
  std::vector<std::unique_ptr<Node>> children;
  std::unique_ptr<RowLayout> row_layout;  ///< of a ROW, and the row being read
  RowView row;
};

ColumnBuffers::ColumnBuffers(const DataType& type, RowFormat format) : root_(std::make_unique<Node>(type, format)) {}
ColumnBuffers::~ColumnBuffers() = default;
ColumnBuffers::ColumnBuffers(ColumnBuffers&&) noexcept = default;

void ColumnBuffers::Clear() { root_->Clear(); }
void ColumnBuffers::AppendNull() { root_->AppendNull(); }
arrow::Status ColumnBuffers::Append(const RowView& row, size_t column) { return root_->Append(row, column); }
void ColumnBuffers::AddParts(Parts* parts) const { root_->AddParts(parts); }
size_t ColumnBuffers::bytes() const { return root_->bytes(); }

}  // namespace thalweg::format
