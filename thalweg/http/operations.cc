#include "thalweg/http/operations.h"

#include <utility>

namespace thalweg::http {

std::vector<Route> OperationsRoutes(const runtime::Metrics& metrics, std::function<arrow::Status()> ready) {
  std::vector<Route> routes;
  routes.push_back({"/metrics", "all numbers, for Prometheus", [&metrics] {
                      return Response{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                                      .body = metrics.Expose()};
                    }});
  routes.push_back({"/health", "whether the process answers", [] { return Response{.body = "ok\n"}; }});
  routes.push_back({"/ready", "whether to send clients here", [ready = std::move(ready)] {
                      const arrow::Status status = ready();
                      if (status.ok()) return Response{.body = "ready\n"};
                      return Response{.status = 503, .body = status.message() + "\n"};
                    }});
  return routes;
}

}  // namespace thalweg::http
