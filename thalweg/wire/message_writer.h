#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "thalweg/base/bytes.h"
#include "thalweg/base/varint.h"
#include "thalweg/wire/message_reader.h"

namespace thalweg::wire {

/// Encoders of single protobuf fields. Each Put…() has a …Bytes() that tells its size beforehand, because the length of
/// a nested message stands in front of it. Negative numbers take ten bytes, as protobuf's int32 and int64 do.

inline size_t NumberFieldBytes(uint32_t number, int64_t value) {
  return VarintBytes(Field(number, WireType::kVarint)) + VarintBytes(static_cast<uint64_t>(value));
}

/// Tag and length of a run of `size` bytes, without the bytes.
inline size_t LengthFieldHeadBytes(uint32_t number, size_t size) {
  return VarintBytes(Field(number, WireType::kBytes)) + VarintBytes(size);
}

inline size_t LengthFieldBytes(uint32_t number, size_t size) { return LengthFieldHeadBytes(number, size) + size; }

/// Writes fields one after another into memory that the caller has measured.
class MessageWriter {
 public:
  explicit MessageWriter(uint8_t* to) : to_(to) {}

  uint8_t* position() const { return to_; }

  void PutNumber(uint32_t number, int64_t value) {
    PutRawVarint(Field(number, WireType::kVarint));
    PutRawVarint(static_cast<uint64_t>(value));
  }
  void PutLength(uint32_t number, size_t size) {
    PutRawVarint(Field(number, WireType::kBytes));
    PutRawVarint(size);
  }
  void PutText(uint32_t number, std::string_view text) {
    PutLength(number, text.size());
    // memcpy may not be given the null of an empty view.
    if (!text.empty()) std::memcpy(to_, text.data(), text.size());
    to_ += text.size();
  }

 private:
  void PutRawVarint(uint64_t value) { to_ += PutVarint(to_, value); }

  uint8_t* to_;
};

}  // namespace thalweg::wire
