#include "thalweg/flight/call.h"

#include <algorithm>
#include <set>
#include <utility>

#include "arrow/flight/server.h"
#include "proto/thalweg/flight/v1/flight.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/flight/flight_status.h"
#include "thalweg/flight/guard.h"

namespace thalweg::flight {
namespace {

// How long a wait goes on after its client is gone.
constexpr int64_t kSliceMs = 200;

}  // namespace

Call::Call(Services& with, const arrow::flight::ServerCallContext& of)
    : services(with), context(of), session(with.environment, Guard::AskerOf(of)) {}

arrow::Status Call::WaitFor(const std::string& at_least, std::optional<int64_t> wait_ms) const {
  if (at_least.empty()) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto token, query::Token::Parse(at_least));
  ARROW_RETURN_NOT_OK(session.RequireToSee(token));
  const auto& limits = services.limits;
  int64_t left_ms =
      std::clamp<int64_t>(wait_ms.value_or(limits.at_least_wait_ms_default), 0, limits.at_least_wait_ms_max);
  while (true) {
    const int64_t slice_ms = std::min(left_ms, kSliceMs);
    arrow::Status status = services.Wait(
        [&](runtime::Executor& home) { return query::WaitFor(services.environment, token, slice_ms, home); });
    left_ms -= slice_ms;
    if (CodeOf(status) != ErrorCode::kRequestTimeOut || left_ms <= 0) return status;
    if (context.is_cancelled() || services.watch.stopping()) return CallCancelled();
  }
}

arrow::Result<std::optional<std::vector<int>>> PositionsOf(const query::Table& table, bool given,
                                                           const v1::Columns& columns) {
  std::optional<std::vector<int>> positions;
  if (!given) return positions;
  positions.emplace();
  std::set<int> seen;
  for (const auto& name : columns.names()) {
    ARROW_ASSIGN_OR_RAISE(const int position, table.FindColumn(name));
    if (!seen.insert(position).second) {
      return Error(ErrorCode::kInvalidColumnProjection, "Column {} is asked for twice.", name);
    }
    positions->push_back(position);
  }
  return positions;
}

arrow::Result<schema::TablePath> PathOf(const arrow::flight::FlightDescriptor& descriptor) {
  const auto& path = descriptor.path;
  if (path.size() == 1) return schema::TablePath{catalog::kDefaultDatabase, path[0]};
  if (path.size() == 2) return schema::TablePath{path[0], path[1]};
  return Error(ErrorCode::kInvalidScanRequest,
               "A path is a database and a table, or a table alone; this one has {} parts.", path.size());
}

}  // namespace thalweg::flight
