#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "thalweg/base/bytes.h"
#include "thalweg/format/datum.h"

namespace thalweg::format {

/// Up to this precision an unscaled DECIMAL is kept as i64, above it as bytes.
inline constexpr int kCompactDecimalPrecisionMax = 18;
/// Up to this precision a TIMESTAMP is kept as milliseconds alone.
inline constexpr int kCompactTimestampPrecisionMax = 3;

/// An unscaled decimal as big-endian two's complement in as few bytes as hold it, as Java's BigInteger writes it.
std::string DecimalToBytes(Int128 unscaled);

/// The reverse, for 1 to 16 bytes; false for other lengths.
bool DecimalFromBytes(ByteView bytes, Int128* unscaled);

}  // namespace thalweg::format
