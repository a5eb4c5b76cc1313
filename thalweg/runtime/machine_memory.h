#pragma once

#include <cstdint>

namespace thalweg::runtime {

/// Bytes of memory that this process may use at most: the machine's, or less where a control group (version 1 or 2) that it is in
/// says so.
uint64_t MachineMemoryBytes();

}  // namespace thalweg::runtime
