#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "arrow/flight/types.h"
#include "arrow/result.h"
#include "arrow/status.h"
#include "arrow/type_fwd.h"

namespace thalweg::flight {

/// So many rows of the batch that they take about `bytes_max`; at least one.
int64_t RowsWithin(const arrow::RecordBatch& rows, int64_t bytes_max);

arrow::Result<arrow::flight::FlightPayload> SchemaMessage(const arrow::Schema& schema);
/// `metadata` empty: none.
arrow::Result<arrow::flight::FlightPayload> RowsMessage(const arrow::RecordBatch& rows, const std::string& metadata);

/// What a client has sent is looked at as a whole before anybody relies on it: RECORD_TOO_LARGE beyond `bytes_max`, INVALID_TABLE where
/// lengths, offsets or texts in it are not what they have to be.
arrow::Status CheckReceived(const arrow::RecordBatch& rows, int64_t bytes_max);

}  // namespace thalweg::flight
