#pragma once

#include <functional>
#include <vector>

#include "arrow/status.h"
#include "thalweg/http/server.h"
#include "thalweg/runtime/metrics.h"

namespace thalweg::http {

/// What an operator's tools ask a server for:
///   /metrics  all numbers, in Prometheus's text format
///   /health   200 as long as the process answers
///   /ready    200 where `ready` is OK, else 503 with its message: whether to send clients here
/// `ready` is called on the connection's shard and must not block; it and `metrics` outlive the server.
std::vector<Route> OperationsRoutes(const runtime::Metrics& metrics, std::function<arrow::Status()> ready);

}  // namespace thalweg::http
