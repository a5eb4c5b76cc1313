#pragma once

#include <cstdint>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/wire/api_key.h"
#include "thalweg/wire/lookup.h"

/// LOOKUP and PREFIX_LOOKUP from the client's side: what lookup.h decodes is encoded here, and the other way round.
namespace thalweg::wire {

/// A whole request frame, ready to send. `key` is kLookup or kPrefixLookup; of `request`, table and buckets are sent: keys,
/// or prefixes of keys.
Bytes EncodeLookupRequest(ApiKey key, int32_t request_id, const LookupRequest& request);

/// The results in the body of an answer; values view `body`. CORRUPT_MESSAGE where it is malformed.
arrow::Result<std::vector<LookupResult>> DecodeLookupResponse(ByteView body);
arrow::Result<std::vector<PrefixLookupResult>> DecodePrefixLookupResponse(ByteView body);

}  // namespace thalweg::wire
