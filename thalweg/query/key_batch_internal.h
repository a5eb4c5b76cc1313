#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"
#include "thalweg/query/lookup.h"
#include "thalweg/query/session.h"

namespace thalweg::query {

/// The keys of a lookup that belong to one bucket.
struct KeysOfBucket {
  TableBucket bucket;
  std::vector<int64_t> index;               ///< of each among all keys, ascending
  std::vector<std::vector<uint8_t>> bytes;  ///< of each, encoded
  std::vector<ByteView> Views() const { return {bytes.begin(), bytes.end()}; }
};

/// Encodes the keys of `request`, whole ones or, with `prefixes`, beginnings of them, and finds their buckets, as clients do. Keys of
/// partitions that are not there are left out. Errors of Lookup and PrefixLookup.
arrow::Result<std::vector<KeysOfBucket>> EncodeKeys(const Session& session, const LookupRequest& request,
                                                    bool prefixes);

}  // namespace thalweg::query
