#include "thalweg/format/array_assembly.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "arrow/array/array_base.h"
#include "arrow/array/data.h"
#include "arrow/array/util.h"
#include "arrow/buffer.h"
#include "arrow/type.h"
#include "arrow/util/bitmap_ops.h"
#include "arrow/util/utf8.h"
#include "thalweg/base/error.h"
#include "thalweg/format/column_shape.h"

namespace thalweg::format {
namespace {

constexpr uintptr_t kAlignment = 8;

class SharedBuffer final : public arrow::Buffer {
 public:
  SharedBuffer(std::shared_ptr<const void> owner, ByteView view)
      : arrow::Buffer(view.data(), static_cast<int64_t>(view.size())), owner_(std::move(owner)) {}

 private:
  const std::shared_ptr<const void> owner_;
};

/// Stands for buffers without bytes: offsets of no values too begin with a zero.
const std::shared_ptr<arrow::Buffer>& Zeros() {
  static constexpr std::array<uint8_t, 64> kZeros{};
  static const auto buffer = std::make_shared<arrow::Buffer>(kZeros.data(), static_cast<int64_t>(kZeros.size()));
  return buffer;
}

NodeLayout LayoutOf(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL:
      return NodeLayout::kBits;
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return NodeLayout::kVariable;
    case arrow::Type::LIST:
    case arrow::Type::MAP:
      return NodeLayout::kList;
    case arrow::Type::STRUCT:
      return NodeLayout::kStruct;
    default:
      return NodeLayout::kFixed;
  }
}

arrow::Status Unsound(const arrow::DataType& type) {
  return Error(ErrorCode::kCorruptRecord, "The Arrow batch has a column of {} that is not sound.", type.ToString());
}

class Assembly {
 public:
  Assembly(std::span<const FieldNode> nodes, std::span<const std::shared_ptr<arrow::Buffer>> buffers)
      : nodes_(nodes), buffers_(buffers) {}

  arrow::Result<std::shared_ptr<arrow::ArrayData>> Next(const std::shared_ptr<arrow::DataType>& type) {
    const NodeLayout layout = LayoutOf(*type);
    const size_t buffer_count = BufferCountOf(layout);
    if (nodes_.empty() || buffers_.size() < buffer_count) return Unsound(*type);
    const FieldNode node = nodes_.front();
    nodes_ = nodes_.subspan(1);
    if (node.length < 0 || node.null_count < 0 || node.null_count > node.length) return Unsound(*type);
    std::vector<std::shared_ptr<arrow::Buffer>> own(buffers_.begin(),
                                                    buffers_.begin() + static_cast<ptrdiff_t>(buffer_count));
    buffers_ = buffers_.subspan(buffer_count);
    if (node.null_count == 0) own[0] = nullptr;
    if (node.null_count > 0 && !own[0]) return Unsound(*type);
    for (size_t i = 1; i < own.size(); ++i) {
      if (!own[i] || own[i]->size() == 0) own[i] = Zeros();
    }
    auto data = arrow::ArrayData::Make(type, node.length, std::move(own), node.null_count);
    for (const auto& field : type->fields()) {
      ARROW_ASSIGN_OR_RAISE(auto child, Next(field->type()));
      data->child_data.push_back(std::move(child));
    }
    ARROW_RETURN_NOT_OK(CheckMap(*data));
    return data;
  }

 private:
  /// Arrow dies of such maps when it makes an array of them.
  static arrow::Status CheckMap(const arrow::ArrayData& data) {
    if (data.type->id() != arrow::Type::MAP) return arrow::Status::OK();
    const arrow::ArrayData& entries = *data.child_data[0];
    const bool sound = entries.null_count == 0 && entries.child_data.size() == 2 &&
                       entries.child_data[0]->null_count == 0 && entries.child_data[0]->length == entries.length;
    return sound ? arrow::Status::OK() : Unsound(*data.type);
  }

  std::span<const FieldNode> nodes_;
  std::span<const std::shared_ptr<arrow::Buffer>> buffers_;
};

/// Whether all of it is text. Where it is not, a null may stand on what is none, so that is no answer.
bool IsAllText(const arrow::ArrayData& data) {
  const auto count = static_cast<size_t>(data.length);
  const auto& offsets_buffer = data.buffers[1];
  const auto& text = data.buffers[2];
  if (data.offset != 0 || !offsets_buffer || !text ||
      static_cast<size_t>(offsets_buffer->size()) < (count + 1) * sizeof(int32_t)) {
    return false;
  }
  const auto* const offsets = reinterpret_cast<const int32_t*>(offsets_buffer->data());
  bool ordered = offsets[0] >= 0;
  for (size_t i = 0; i < count; ++i) ordered &= offsets[i] <= offsets[i + 1];
  if (!ordered || offsets[count] > text->size()) return false;
  const ByteView bytes(text->data() + offsets[0], static_cast<size_t>(offsets[count] - offsets[0]));
  uint8_t bits = 0;
  for (const uint8_t byte : bytes) bits |= byte;
  constexpr uint8_t kBeyondAscii = 0x80;
  if ((bits & kBeyondAscii) == 0) return true;
  arrow::util::InitializeUTF8();
  if (!arrow::util::ValidateUTF8(bytes.data(), static_cast<int64_t>(bytes.size()))) return false;
  // And each value begins with a character.
  bool whole = true;
  for (size_t i = 0; i < count; ++i) {
    whole &= offsets[i] == offsets[count] || (text->data()[offsets[i]] & 0xC0) != kBeyondAscii;
  }
  return whole;
}

bool HasItsNulls(const arrow::ArrayData& data) {
  if (data.null_count == 0) return true;
  if (!data.buffers[0] || data.buffers[0]->size() * 8 < data.length) return false;
  return arrow::internal::CountSetBits(data.buffers[0]->data(), 0, data.length) == data.length - data.null_count;
}

}  // namespace

arrow::Status CheckValues(const arrow::Array& array) {
  const arrow::ArrayData& data = *array.data();
  const bool sound = data.type->id() == arrow::Type::STRING && HasItsNulls(data) && IsAllText(data);
  return sound ? arrow::Status::OK() : array.ValidateFull();
}

std::shared_ptr<arrow::Buffer> ShareBuffer(std::shared_ptr<const void> owner, ByteView view) {
  if (view.empty()) return nullptr;
  if (reinterpret_cast<uintptr_t>(view.data()) % kAlignment == 0) {
    return std::make_shared<SharedBuffer>(std::move(owner), view);
  }
  auto copy = std::make_shared<std::vector<uint8_t>>(view.begin(), view.end());
  const ByteView bytes(*copy);
  return std::make_shared<SharedBuffer>(std::move(copy), bytes);
}

arrow::Result<std::shared_ptr<arrow::Array>> AssembleArray(const std::shared_ptr<arrow::DataType>& type,
                                                           std::span<const FieldNode> nodes,
                                                           std::span<const std::shared_ptr<arrow::Buffer>> buffers) {
  ARROW_ASSIGN_OR_RAISE(auto data, Assembly(nodes, buffers).Next(type));
  auto array = arrow::MakeArray(data);
  const arrow::Status sound = array->Validate();
  if (!sound.ok()) {
    return Error(ErrorCode::kCorruptRecord, "The Arrow batch has a column that is not sound: {}", sound.message());
  }
  return array;
}

}  // namespace thalweg::format
