#pragma once

#include <cstddef>
#include <cstdint>

#include "thalweg/base/bytes.h"

namespace thalweg {

/// CRC-32C (Castagnoli, reflected, initial and final value all ones) of `data` when `crc` is 0, or of what `crc` was
/// computed over followed by `data`: Crc32c(Crc32c(0, a), b) == Crc32c(0, ab). "123456789" gives 0xE3069283.
/// Uses the SSE4.2 instruction in three interleaved lanes where the processor has it, else a table.
uint32_t Crc32c(uint32_t crc, ByteView data);
inline uint32_t Crc32c(ByteView data) { return Crc32c(0, data); }

}  // namespace thalweg
