#include "thalweg/runtime/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace thalweg::runtime {
namespace {

using ::testing::HasSubstr;

TEST(Metrics, ExposesEveryKindAsText) {
  Metrics metrics;
  metrics.AddCounter("thalweg_requests_total", "Requests.", {{"api", "fetch"}}).Add(3);
  metrics.AddCounter("thalweg_requests_total", "Requests.", {{"api", "produce"}}).Add();
  metrics.AddGauge("thalweg_connections", "Open connections.").Add(-2);
  metrics.AddGaugeReader("thalweg_uptime_seconds", "Since the start.", [] { return 1.5; });
  Histogram& latency = metrics.AddHistogram("thalweg_sync_seconds", "Of one sync.", {0.001, 0.01});
  latency.Observe(0.001);
  latency.Observe(0.005);
  latency.Observe(7);
  const std::string text = metrics.Expose();
  EXPECT_THAT(text, HasSubstr("# TYPE thalweg_requests_total counter\n"));
  EXPECT_THAT(text, HasSubstr("thalweg_requests_total{api=\"fetch\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("thalweg_requests_total{api=\"produce\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("# HELP thalweg_connections Open connections.\n"));
  EXPECT_THAT(text, HasSubstr("thalweg_connections -2\n"));
  EXPECT_THAT(text, HasSubstr("thalweg_uptime_seconds 1.5\n"));
  EXPECT_THAT(text, HasSubstr("thalweg_sync_seconds_bucket{le=\"0.001\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("thalweg_sync_seconds_bucket{le=\"0.01\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("thalweg_sync_seconds_bucket{le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("thalweg_sync_seconds_count 3\n"));
}

TEST(Metrics, SameNameAndLabelsGiveTheSameObject) {
  Metrics metrics;
  EXPECT_EQ(&metrics.AddCounter("c_total", "", {{"a", "1"}}), &metrics.AddCounter("c_total", "", {{"a", "1"}}));
  EXPECT_NE(&metrics.AddCounter("c_total", "", {{"a", "1"}}), &metrics.AddCounter("c_total", "", {{"a", "2"}}));
  Histogram& first = metrics.AddHistogram("h", "", {1, 2}, {{"a", "1"}});
  EXPECT_EQ(metrics.AddHistogram("h", "", {5}, {{"a", "2"}}).bounds(), first.bounds());
}

TEST(MetricsDeathTest, OneNameIsOneKind) {
  Metrics metrics;
  metrics.AddCounter("c_total", "");
  EXPECT_DEATH(metrics.AddGauge("c_total", ""), "family.kind");
}

TEST(Counter, LosesNothingBetweenThreads) {
  Counter counter;
  std::vector<std::thread> threads;
  for (int t = 0; t < 10; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) counter.Add();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 10'000u);
}

}  // namespace
}  // namespace thalweg::runtime
