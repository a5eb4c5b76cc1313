#pragma once

#include "arrow/status.h"
#include "thalweg/base/bytes.h"
#include "thalweg/journal/record.h"
#include "thalweg/tablet/bucket_store.h"

namespace thalweg::tablet {

/// Puts one journal record of a bucket whose log does not take it into a file of its own, durably:
///
///     <set_aside>/<bucket's folder>/<first offset, 20 digits>-<sequence>     the record's payload, as it is
///
/// As long as that folder is there, the bucket stays shut.
arrow::Status SetAsideRecord(StoreEnvironment& environment, const journal::RecordHeader& header, ByteView payload);

}  // namespace thalweg::tablet
