#include "thalweg/service/request_metrics.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/runtime/metrics.h"

namespace thalweg::service {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(RequestMetricsTest, CountsByApiAndOutcome) {
  runtime::Metrics metrics;
  RequestMetrics requests(metrics);
  requests.AddRequest(wire::ApiKey::kFetchLog, 2'000'000, 100, true);
  requests.AddRequest(wire::ApiKey::kFetchLog, 2'000'000, 10, false);
  requests.AddRequest(wire::ApiKey::kNotifyLeaderAndIsr, 0, 1, false);
  requests.AddRequest(static_cast<wire::ApiKey>(-5), 0, 1, false);
  requests.AddRequest(static_cast<wire::ApiKey>(32'767), 0, 1, false);
  const std::string text = metrics.Expose();
  EXPECT_THAT(text, HasSubstr("thalweg_requests_total{api=\"FETCH_LOG\",outcome=\"served\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("thalweg_requests_total{api=\"FETCH_LOG\",outcome=\"refused\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("thalweg_requests_total{api=\"(unknown)\",outcome=\"refused\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("thalweg_request_seconds_sum{api=\"FETCH_LOG\"} 0.004\n"));
  EXPECT_THAT(text, HasSubstr("thalweg_sent_bytes_total 113\n"));
}

TEST(RequestMetricsTest, TablesBeyondTheBoundShareACounter) {
  runtime::Metrics metrics;
  RequestMetrics requests(metrics);
  const auto tables = static_cast<int64_t>(RequestMetrics::kTablesMax);
  for (int64_t i = 0; i < tables + 5; ++i) {
    requests.RowsOf(TableId(i), "fluss.t" + std::to_string(i)).AddAppended(1);
  }
  requests.RowsOf(TableId(0), "fluss.t0").AddAppended(1);
  const std::string text = metrics.Expose();
  EXPECT_THAT(text, HasSubstr("{table=\"fluss.t0\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("{table=\"(others)\"} 5\n"));
  EXPECT_THAT(text, Not(HasSubstr("{table=\"fluss.t1000\"}")));
}

}  // namespace
}  // namespace thalweg::service
