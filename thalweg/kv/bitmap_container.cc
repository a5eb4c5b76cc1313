#include <algorithm>

#include "thalweg/base/endian.h"
#include "thalweg/kv/bitmap_container_internal.h"

namespace thalweg::kv {
namespace {

using Form = BitmapContainer::Form;

constexpr uint32_t kNumbers = 1 << 16;
constexpr size_t kWordBits = 64;
constexpr size_t kBitsBytes = kNumbers / 8;
using Bits = std::array<uint64_t, kNumbers / kWordBits>;

uint16_t At(ByteView payload, size_t index) { return LoadLittle<uint16_t>(payload.data() + index * sizeof(uint16_t)); }

void Append(std::vector<uint8_t>* out, uint32_t number) {
  out->push_back(static_cast<uint8_t>(number));
  out->push_back(static_cast<uint8_t>(number >> 8));
}

void SetRange(Bits* bits, uint32_t first, uint32_t last) {
  const size_t last_word = last / kWordBits;
  for (size_t word = first / kWordBits; word <= last_word; ++word) {
    uint64_t mask = ~uint64_t{0};
    if (word == first / kWordBits) mask &= mask << first % kWordBits;
    if (word == last_word) mask &= ~uint64_t{0} >> (kWordBits - 1 - last % kWordBits);
    (*bits)[word] |= mask;
  }
}

/// The first number from `from` on that is, or is not, in the set; kNumbers where there is none.
uint32_t NextWith(const Bits& bits, uint32_t from, bool present) {
  while (from < kNumbers) {
    const uint64_t word = bits[from / kWordBits];
    const uint64_t rest = (present ? word : ~word) >> from % kWordBits;
    if (rest != 0) return from + static_cast<uint32_t>(std::countr_zero(rest));
    from = static_cast<uint32_t>((from / kWordBits + 1) * kWordBits);
  }
  return kNumbers;
}

void AddTo(Bits* bits, const BitmapContainer& container) {
  const ByteView payload = container.payload;
  switch (container.form) {
    case Form::kRun:
      for (size_t i = 1; i + 1 < payload.size() / sizeof(uint16_t); i += 2) {
        const uint32_t first = At(payload, i);
        SetRange(bits, first, first + At(payload, i + 1));
      }
      break;
    case Form::kBits:
      for (size_t i = 0; i < bits->size(); ++i)
        (*bits)[i] |= LoadLittle<uint64_t>(payload.data() + i * sizeof(uint64_t));
      break;
    case Form::kArray:
      for (size_t i = 0; i < payload.size() / sizeof(uint16_t); ++i) SetRange(bits, At(payload, i), At(payload, i));
      break;
  }
}

uint32_t CountOf(const Bits& bits) {
  uint32_t count = 0;
  for (const uint64_t word : bits) count += static_cast<uint32_t>(std::popcount(word));
  return count;
}

uint32_t RunsOf(const Bits& bits) {
  uint32_t runs = 0;
  uint64_t before = 0;
  for (const uint64_t word : bits) {
    runs += static_cast<uint32_t>(std::popcount(word & ~(word << 1 | before)));
    before = word >> (kWordBits - 1);
  }
  return runs;
}

uint32_t RunBytes(uint32_t runs) { return 2 + 4 * runs; }
uint32_t ArrayBytes(uint32_t cardinality) { return 2 * cardinality; }

BitmapContainer Encode(const Bits& bits, Form form, uint32_t cardinality) {
  BitmapContainer container;
  container.form = form;
  container.cardinality = cardinality;
  std::vector<uint8_t>& out = container.payload;
  if (form == Form::kBits) {
    out.resize(kBitsBytes);
    for (size_t i = 0; i < bits.size(); ++i) StoreLittle<uint64_t>(out.data() + i * sizeof(uint64_t), bits[i]);
    return container;
  }
  if (form == Form::kRun) Append(&out, RunsOf(bits));
  for (uint32_t number = NextWith(bits, 0, true); number < kNumbers;) {
    Append(&out, number);
    uint32_t next = number + 1;
    if (form == Form::kRun) {
      next = NextWith(bits, number, false);
      Append(&out, next - 1 - number);
    }
    number = NextWith(bits, next, true);
  }
  return container;
}

/// A union that one of the sides had as runs.
Form RunsOrSmaller(uint32_t runs, uint32_t cardinality) {
  if (RunBytes(runs) <= std::min<uint32_t>(kBitsBytes, ArrayBytes(cardinality) + 2)) return Form::kRun;
  return cardinality <= kArrayCardinalityMax ? Form::kArray : Form::kBits;
}

}  // namespace

bool BitmapContainer::Take(Form form, uint32_t cardinality, ByteView* rest, BitmapContainer* out) {
  size_t bytes = kBitsBytes;
  if (form == Form::kArray) bytes = size_t{cardinality} * sizeof(uint16_t);
  if (form == Form::kRun) {
    if (rest->size() < sizeof(uint16_t)) return false;
    bytes = sizeof(uint16_t) * (1 + 2 * size_t{At(*rest, 0)});
  }
  if (cardinality > kNumbers || bytes > rest->size()) return false;
  const ByteView payload = rest->first(bytes);
  *rest = rest->subspan(bytes);
  out->form = form;
  out->payload.assign(payload.begin(), payload.end());
  out->cardinality = cardinality;
  if (form == Form::kArray) {
    for (size_t i = 1; i < cardinality; ++i) {
      if (At(payload, i) <= At(payload, i - 1)) return false;
    }
  } else if (form == Form::kBits) {
    Bits bits{};
    AddTo(&bits, *out);
    return CountOf(bits) == cardinality;
  } else {
    out->cardinality = 0;
    uint32_t next = 0;  // the smallest number that the next run may begin with
    for (size_t i = 1; i + 1 < bytes / sizeof(uint16_t); i += 2) {
      const uint32_t first = At(payload, i);
      const uint32_t last = first + At(payload, i + 1);
      if (first < next || last >= kNumbers) return false;
      out->cardinality += last - first + 1;
      next = last + 1;
    }
  }
  return true;
}

BitmapContainer BitmapContainer::Union(const BitmapContainer& a, const BitmapContainer& b) {
  Bits bits{};
  AddTo(&bits, a);
  AddTo(&bits, b);
  const uint32_t cardinality = CountOf(bits);
  Form form = Form::kBits;
  if (cardinality == kNumbers) {
    form = Form::kRun;
  } else if (a.form != Form::kBits && b.form != Form::kBits) {
    if (a.form == Form::kRun || b.form == Form::kRun) {
      form = RunsOrSmaller(RunsOf(bits), cardinality);
    } else if (cardinality <= kArrayCardinalityMax) {
      form = Form::kArray;
    }
  }
  return Encode(bits, form, cardinality);
}

void BitmapContainer::Optimize(bool keep_runs) {
  if (form == Form::kRun && keep_runs) return;
  Bits bits{};
  AddTo(&bits, *this);
  const uint32_t runs = RunsOf(bits);
  Form best = form;
  if (form == Form::kRun) {
    best = RunsOrSmaller(runs, cardinality);
  } else if (RunBytes(runs) < (form == Form::kBits ? kBitsBytes : ArrayBytes(cardinality))) {
    best = Form::kRun;
  }
  if (best != form) *this = Encode(bits, best, cardinality);
}

}  // namespace thalweg::kv
