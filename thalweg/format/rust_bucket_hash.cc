#include "thalweg/format/rust_bucket_hash.h"

#include <bit>
#include <cstddef>

#include "thalweg/base/endian.h"
#include "thalweg/format/bucket_hash.h"

namespace thalweg::format {
namespace {

constexpr uint32_t kSeed = 42;
constexpr size_t kWordBytes = 4;

// The constants and steps of MurmurHash3_x86_32 (Austin Appleby, public domain).
uint32_t Mix(uint32_t hash, uint32_t word) {
  return std::rotl(hash ^ std::rotl(word * 0xCC9E2D51u, 15) * 0x1B873593u, 13) * 5 + 0xE6546B64u;
}

uint32_t Finish(uint32_t hash, size_t length) {
  hash ^= static_cast<uint32_t>(length);
  hash = (hash ^ hash >> 16) * 0x85EBCA6Bu;
  hash = (hash ^ hash >> 13) * 0xC2B2AE35u;
  return hash ^ hash >> 16;
}

}  // namespace

BucketId RustBucketOf(ByteView key, int32_t bucket_count) {
  uint32_t hash = kSeed;
  const size_t words_end = key.size() / kWordBytes * kWordBytes;
  for (size_t at = 0; at < words_end; at += kWordBytes) hash = Mix(hash, LoadLittle<uint32_t>(key.data() + at));
  for (const uint8_t byte : key.subspan(words_end)) hash = Mix(hash, byte);
  return BucketId(MurmurOfInt(static_cast<int32_t>(Finish(hash, key.size()))) % bucket_count);
}

}  // namespace thalweg::format
