#include "thalweg/kv/bitmap_union.h"

#include <iterator>
#include <map>
#include <utility>

#include "arrow/result.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/kv/bitmap_container_internal.h"

namespace thalweg::kv {
namespace {

using Form = BitmapContainer::Form;
using Containers = std::map<uint16_t, BitmapContainer>;

constexpr uint32_t kCookieRuns = 12347;  // in the lower half; the upper has the containers − 1
constexpr uint32_t kCookieNoRuns = 12346;
constexpr size_t kContainersMax = 1 << 16;
constexpr size_t kOffsetsFrom = 4;  // containers; fewer have no offsets where there are runs
constexpr size_t kEntryBytes = 4;
constexpr size_t kOffsetBytes = 4;

template <typename T>
bool Take(ByteView* rest, T* value) {
  if (rest->size() < sizeof(T)) return false;
  *value = LoadLittle<T>(rest->data());
  *rest = rest->subspan(sizeof(T));
  return true;
}

template <typename T>
void Append(std::vector<uint8_t>* out, T value) {
  out->resize(out->size() + sizeof(T));
  StoreLittle<T>(out->data() + out->size() - sizeof(T), value);
}

bool IsRun(ByteView run_bits, size_t index) { return !run_bits.empty() && (run_bits[index / 8] >> index % 8 & 1) != 0; }

bool Parse(ByteView rest, Containers* out) {
  uint32_t cookie = 0;
  if (!Take(&rest, &cookie)) return false;
  const bool has_runs = (cookie & 0xFFFF) == kCookieRuns;
  uint32_t count = (cookie >> 16) + 1;
  if (!has_runs && (cookie != kCookieNoRuns || !Take(&rest, &count))) return false;
  if (count > kContainersMax) return false;
  const size_t run_bytes = has_runs ? (count + 7) / 8 : 0;
  const size_t offset_bytes = has_runs && count < kOffsetsFrom ? 0 : count * kOffsetBytes;
  if (rest.size() < run_bytes + count * kEntryBytes + offset_bytes) return false;
  const ByteView run_bits = rest.first(run_bytes);
  ByteView entries = rest.subspan(run_bytes, count * kEntryBytes);
  rest = rest.subspan(run_bytes + count * kEntryBytes + offset_bytes);
  for (uint32_t i = 0; i < count; ++i) {
    uint16_t key = 0;
    uint16_t cardinality = 0;
    Take(&entries, &key);
    Take(&entries, &cardinality);
    if (!out->empty() && key <= out->rbegin()->first) return false;
    const uint32_t numbers = uint32_t{cardinality} + 1;
    const Form form = IsRun(run_bits, i) ? Form::kRun : (numbers > kArrayCardinalityMax ? Form::kBits : Form::kArray);
    if (!BitmapContainer::Take(form, numbers, &rest, &(*out)[key])) return false;
  }
  return true;
}

void Write(const Containers& containers, std::vector<uint8_t>* out) {
  out->clear();
  const size_t count = containers.size();
  std::vector<uint8_t> run_bits((count + 7) / 8);
  bool has_runs = false;
  size_t index = 0;
  for (const auto& [key, container] : containers) {
    if (container.form == Form::kRun) {
      run_bits[index / 8] |= static_cast<uint8_t>(1 << index % 8);
      has_runs = true;
    }
    ++index;
  }
  if (has_runs) {
    Append<uint32_t>(out, kCookieRuns | static_cast<uint32_t>(count - 1) << 16);
    out->insert(out->end(), run_bits.begin(), run_bits.end());
  } else {
    Append<uint32_t>(out, kCookieNoRuns);
    Append<uint32_t>(out, static_cast<uint32_t>(count));
  }
  for (const auto& [key, container] : containers) {
    Append<uint16_t>(out, key);
    Append<uint16_t>(out, static_cast<uint16_t>(container.cardinality - 1));
  }
  if (!has_runs || count >= kOffsetsFrom) {
    size_t offset = out->size() + count * kOffsetBytes;
    for (const auto& [key, container] : containers) {
      Append<uint32_t>(out, static_cast<uint32_t>(offset));
      offset += container.payload.size();
    }
  }
  for (const auto& [key, container] : containers) {
    out->insert(out->end(), container.payload.begin(), container.payload.end());
  }
}

}  // namespace

arrow::Status UnionBitmaps32(ByteView accumulated, ByteView input, std::vector<uint8_t>* out) {
  Containers left;
  Containers right;
  if (!Parse(accumulated, &left) || !Parse(input, &right)) {
    return Error(ErrorCode::kUnknownServerError,
                 "A value of an rbm32 column is no bitmap: write RoaringBitmaps in their portable form.");
  }
  for (auto& [key, container] : right) {
    const auto found = left.find(key);
    if (found == left.end()) {
      left.emplace(key, std::move(container));
    } else {
      found->second = BitmapContainer::Union(found->second, container);
    }
  }
  for (auto& [key, container] : left) container.Optimize(/*keep_runs=*/false);
  Write(left, out);
  return arrow::Status::OK();
}

}  // namespace thalweg::kv
