#include "thalweg/format/bucket_hash.h"

#include <bit>
#include <cstddef>
#include <limits>

#include "thalweg/base/check.h"
#include "thalweg/base/endian.h"

namespace thalweg::format {
namespace {

constexpr uint32_t kFlussSeed = 42;

// The constants and steps of MurmurHash3_x86_32 (Austin Appleby, public domain).
uint32_t MixWord(uint32_t word) { return std::rotl(word * 0xCC9E2D51u, 15) * 0x1B873593u; }

uint32_t MixHash(uint32_t hash, uint32_t mixed) { return std::rotl(hash ^ mixed, 13) * 5 + 0xE6546B64u; }

uint32_t Finish(uint32_t hash, size_t length) {
  hash ^= static_cast<uint32_t>(length);
  hash = (hash ^ hash >> 16) * 0x85EBCA6Bu;
  hash = (hash ^ hash >> 13) * 0xC2B2AE35u;
  return hash ^ hash >> 16;
}

uint32_t MixWords(uint32_t hash, ByteView bytes) {
  for (size_t i = 0; i + 4 <= bytes.size(); i += 4)
    hash = MixHash(hash, MixWord(LoadLittle<uint32_t>(bytes.data() + i)));
  return hash;
}

ByteView TailOf(ByteView bytes) { return bytes.subspan(bytes.size() / 4 * 4); }

}  // namespace

int32_t MurmurOfBytes(ByteView bytes) {
  uint32_t hash = MixWords(kFlussSeed, bytes);
  for (const uint8_t byte : TailOf(bytes)) {
    hash = MixHash(hash, MixWord(static_cast<uint32_t>(int32_t{static_cast<int8_t>(byte)})));
  }
  return static_cast<int32_t>(Finish(hash, bytes.size()));
}

int32_t StandardMurmur(ByteView bytes) {
  uint32_t hash = MixWords(0, bytes);
  uint32_t word = 0;
  const ByteView tail = TailOf(bytes);
  for (size_t i = 0; i < tail.size(); ++i) word |= uint32_t{tail[i]} << (8 * i);
  if (!tail.empty()) hash ^= MixWord(word);
  return static_cast<int32_t>(Finish(hash, bytes.size()));
}

int32_t MurmurOfInt(int32_t value) {
  const auto hash = static_cast<int32_t>(Finish(MixHash(0, MixWord(static_cast<uint32_t>(value))), sizeof value));
  if (hash == std::numeric_limits<int32_t>::min()) return 0;
  return hash < 0 ? -hash : hash;
}

BucketId BucketOf(BucketFunction function, ByteView key, int32_t bucket_count) {
  TW_CHECK(bucket_count >= 1);
  switch (function) {
    case BucketFunction::kFluss:
      return BucketId(MurmurOfInt(MurmurOfBytes(key)) % bucket_count);
    case BucketFunction::kPaimon: {
      const int32_t remainder = MurmurOfBytes(key) % bucket_count;
      return BucketId(remainder < 0 ? -remainder : remainder);
    }
    case BucketFunction::kIceberg:
      return BucketId((StandardMurmur(key) & std::numeric_limits<int32_t>::max()) % bucket_count);
  }
  CheckFailed(__FILE__, __LINE__, "unknown bucket function");
}

}  // namespace thalweg::format
