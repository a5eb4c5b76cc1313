#pragma once

#include <cstdint>

#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"

namespace thalweg::format {

/// The bucket that clients on Fluss's Rust library choose (pyfluss 1.0.0) where BucketFunction::kFluss is meant: their hash
/// takes the bytes behind the last whole word as unsigned, so that many of their rows are in other buckets than those of Java
/// clients, and of ours. `bucket_count` is at least 1.
BucketId RustBucketOf(ByteView key, int32_t bucket_count);

}  // namespace thalweg::format
