#pragma once

#include <cstdint>

#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"

namespace thalweg::format {

/// Which function takes the bytes of a bucket key to a bucket; the lake format of the table decides. Clients do this, a
/// server only checks them.
enum class BucketFunction : uint8_t { kFluss, kPaimon, kIceberg };

/// `bucket_count` is at least 1.
BucketId BucketOf(BucketFunction function, ByteView key, int32_t bucket_count);

/// Murmur3 as Fluss and Paimon have it: seed 42, and each byte behind the last whole word is mixed as a word of its own,
/// sign-extended.
int32_t MurmurOfBytes(ByteView bytes);
/// The 32-bit Murmur3 of the reference implementation, seed 0, which Iceberg uses.
int32_t StandardMurmur(ByteView bytes);
/// One number scattered once more; never negative.
int32_t MurmurOfInt(int32_t value);

}  // namespace thalweg::format
