#include "thalweg/wire/message_reader.h"

#include <limits>

#include "thalweg/base/endian.h"
#include "thalweg/base/varint.h"

namespace thalweg::wire {
namespace {

bool ReadTag(ByteView& in, uint32_t& field) {
  uint64_t tag;
  if (!GetVarint(in, tag) || tag > std::numeric_limits<uint32_t>::max() || tag >> 3 == 0) return false;
  field = static_cast<uint32_t>(tag);
  return true;
}

}  // namespace

bool MessageReader::Next() {
  if (!ok_ || rest_.empty()) return false;
  if (!ReadTag(rest_, field_)) return Fail();
  const auto type = static_cast<WireType>(field_ & 7);
  if (type == WireType::kGroup) return SkipGroup(field_ >> 3) || Fail();
  return ReadValue(type) || Fail();
}

bool MessageReader::ReadValue(WireType type) {
  switch (type) {
    case WireType::kVarint:
      return GetVarint(rest_, number_);
    case WireType::kFixed64:
    case WireType::kFixed32: {
      const size_t size = type == WireType::kFixed64 ? 8 : 4;
      if (rest_.size() < size) return false;
      number_ = size == 8 ? LoadLittle<uint64_t>(rest_.data()) : LoadLittle<uint32_t>(rest_.data());
      rest_ = rest_.subspan(size);
      return true;
    }
    case WireType::kBytes: {
      uint64_t size;
      if (!GetVarint(rest_, size) || size > rest_.size()) return false;
      bytes_ = rest_.first(size);
      rest_ = rest_.subspan(size);
      return true;
    }
    case WireType::kGroup:
    case WireType::kGroupEnd:
      break;
  }
  return false;  // an end without a beginning, or a type that protobuf does not have
}

bool MessageReader::SkipGroup(uint32_t number) {
  uint32_t open[kGroupDepthMax] = {number};
  int depth = 1;
  while (depth > 0) {
    uint32_t inner;
    if (!ReadTag(rest_, inner)) return false;
    const auto type = static_cast<WireType>(inner & 7);
    if (type == WireType::kGroup) {
      if (depth == kGroupDepthMax) return false;
      open[depth++] = inner >> 3;
    } else if (type == WireType::kGroupEnd) {
      if (open[--depth] != inner >> 3) return false;
    } else if (!ReadValue(type)) {
      return false;
    }
  }
  return true;
}

bool ReadPacked(ByteView packed, std::vector<int32_t>* to) {
  while (!packed.empty()) {
    uint64_t value;
    if (!GetVarint(packed, value)) return false;
    to->push_back(static_cast<int32_t>(value));
  }
  return true;
}

}  // namespace thalweg::wire
