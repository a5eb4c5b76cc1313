#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "arrow/status.h"
#include "thalweg/flight/services.h"
#include "thalweg/query/session.h"
#include "thalweg/query/token.h"

namespace arrow::flight {
class ServerCallContext;
struct FlightDescriptor;
}  // namespace arrow::flight

namespace thalweg::flight {

namespace v1 {
class Columns;
}

/// One call, on the thread that gRPC has given it. Lives as long as the call.
struct Call {
  Call(Services& with, const arrow::flight::ServerCallContext& context);

  Services& services;
  const arrow::flight::ServerCallContext& context;
  query::Session session;

  /// Waits, for as long as the client asks for within our bounds, until all that `at_least` names is visible here.
  /// REQUEST_TIME_OUT, INVALID_SCAN_REQUEST; ends early where the client is gone.
  arrow::Status WaitFor(const std::string& at_least, std::optional<int64_t> wait_ms) const;
};

/// Positions of the columns that a message names; none where it says nothing, which means all. INVALID_COLUMN_PROJECTION.
arrow::Result<std::optional<std::vector<int>>> PositionsOf(const query::Table& table, bool given,
                                                           const v1::Columns& columns);

/// The path of a descriptor of that kind: database and table, or only a table. INVALID_SCAN_REQUEST.
arrow::Result<schema::TablePath> PathOf(const arrow::flight::FlightDescriptor& descriptor);

}  // namespace thalweg::flight
