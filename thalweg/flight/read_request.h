#pragma once

#include <vector>

#include "arrow/result.h"
#include "thalweg/flight/call.h"
#include "thalweg/query/scan_request.h"

namespace thalweg::flight {

namespace v1 {
class ReadTable;
}

/// What a read is to bring. Waiting for `at_least` is not part of it. The errors of Session::FindTable, AUTHORIZATION without READ;
/// INVALID_SCAN_REQUEST, INVALID_COLUMN_PROJECTION, PARTITION_NOT_EXISTS, UNKNOWN_TABLE_OR_BUCKET.
arrow::Result<query::ScanRequest> ScanRequestOf(const Call& call, const v1::ReadTable& read);

/// The same read in at most read.endpoints_max parts, which together bring what it does: one where it has a limit.
arrow::Result<std::vector<v1::ReadTable>> SplitRead(const Call& call, const query::Table& table,
                                                    const v1::ReadTable& read);

/// Name of the partition with that id; empty where there is none, or none any more.
std::string PartitionNameOf(const Call& call, PartitionId partition);

}  // namespace thalweg::flight
