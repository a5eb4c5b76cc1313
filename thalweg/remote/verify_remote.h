#pragma once

#include <cstdint>
#include <string>

#include "arrow/status.h"
#include "thalweg/base/fault.h"
#include "thalweg/io/object_store.h"
#include "thalweg/remote/manifest.h"

namespace thalweg::remote {

/// How much was looked at.
struct VerifiedRemote {
  uint64_t segments = 0, batches = 0, bytes = 0;
};

/// Looks at all that `manifest` names in `store`: the checksum of every batch, that offsets follow one another, that sizes are
/// what it says, that the manifest beside the segments says the same. What nothing names is noted: the server sweeps it. Reads only.
/// Blocks. Errors are only those of a store that cannot be listed; what cannot be read is a fault.
arrow::Status VerifyRemote(io::ObjectStore& store, const Manifest& manifest, Faults* faults, VerifiedRemote* looked_at);

}  // namespace thalweg::remote
