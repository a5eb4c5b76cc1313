#include "thalweg/kv/state_meta.h"

#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"

namespace thalweg::kv {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kHasRowCount = 1;
constexpr uint8_t kHasRange = 2;
constexpr size_t kRangeBytes = sizeof(int32_t) + 2 * sizeof(int64_t);
constexpr size_t kHeadBytes = 2;

template <typename T>
void Append(std::string* out, T value) {
  uint8_t bytes[sizeof(T)];
  StoreLittle<T>(bytes, value);
  out->append(reinterpret_cast<const char*>(bytes), sizeof bytes);
}

template <typename T>
T Take(ByteView* rest) {
  const T value = LoadLittle<T>(rest->data());
  *rest = rest->subspan(sizeof(T));
  return value;
}

}  // namespace

std::string EncodeStateMeta(const StateMeta& meta) {
  std::string out;
  out.push_back(static_cast<char>(kVersion));
  out.push_back(static_cast<char>(meta.row_count ? kHasRowCount : 0));
  Append<int64_t>(&out, meta.applied.value);
  if (meta.row_count) Append<int64_t>(&out, *meta.row_count);
  return out;
}

arrow::Result<StateMeta> DecodeStateMeta(ByteView bytes) {
  if (!bytes.empty() && bytes[0] != kVersion) {
    return Error(ErrorCode::kUnsupportedVersion,
                 "The state of a bucket is in form {}, this server knows form {}. Start the server that wrote it, or a "
                 "later one.",
                 bytes[0], kVersion);
  }
  const uint8_t flags = bytes.size() < kHeadBytes ? 0 : bytes[1];
  const size_t expected = kHeadBytes + sizeof(int64_t) + (flags & kHasRowCount ? sizeof(int64_t) : 0) +
                          (flags & kHasRange ? kRangeBytes : 0);
  if (bytes.size() != expected || (flags & ~(kHasRowCount | kHasRange)) != 0) {
    return Error(ErrorCode::kKvStorage, "What the state of a bucket says about itself has {} bytes instead of {}.",
                 bytes.size(), expected);
  }
  ByteView rest = bytes.subspan(kHeadBytes);
  StateMeta meta;
  meta.applied = LogOffset(Take<int64_t>(&rest));
  if (flags & kHasRowCount) meta.row_count = Take<int64_t>(&rest);
  return meta;
}

}  // namespace thalweg::kv
