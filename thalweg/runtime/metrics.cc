#include "thalweg/runtime/metrics.h"

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>
#include <prometheus/metric_type.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>
#include <mutex>
#include <utility>
#include <variant>

#include "thalweg/base/check.h"

namespace thalweg::runtime {
namespace {

using Reader = std::function<double()>;
/// The order of the alternatives is that of kTypes.
using Metric = std::variant<std::unique_ptr<Counter>, std::unique_ptr<Gauge>, std::unique_ptr<Histogram>, Reader>;

constexpr prometheus::MetricType kTypes[] = {prometheus::MetricType::Counter, prometheus::MetricType::Gauge,
                                             prometheus::MetricType::Histogram, prometheus::MetricType::Gauge};

struct Family {
  std::string help;
  size_t kind = 0;
  std::map<Metrics::Labels, Metric> metrics;
};

prometheus::ClientMetric::Histogram Collect(const Histogram& histogram) {
  prometheus::ClientMetric::Histogram out;
  out.sample_sum = histogram.sum();
  uint64_t below = 0;
  for (size_t i = 0; i <= histogram.bounds().size(); ++i) {
    below += histogram.count_in(i);
    const double bound =
        i < histogram.bounds().size() ? histogram.bounds()[i] : std::numeric_limits<double>::infinity();
    out.bucket.push_back({below, bound});
  }
  out.sample_count = below;
  return out;
}

prometheus::ClientMetric Collect(const Metrics::Labels& labels, const Metric& metric) {
  prometheus::ClientMetric out;
  for (const auto& [name, value] : labels) out.label.push_back({name, value});
  if (const auto* counter = std::get_if<std::unique_ptr<Counter>>(&metric)) {
    out.counter.value = static_cast<double>((*counter)->value());
  } else if (const auto* gauge = std::get_if<std::unique_ptr<Gauge>>(&metric)) {
    out.gauge.value = static_cast<double>((*gauge)->value());
  } else if (const auto* histogram = std::get_if<std::unique_ptr<Histogram>>(&metric)) {
    out.histogram = Collect(**histogram);
  } else {
    out.gauge.value = std::get<Reader>(metric)();
  }
  return out;
}

}  // namespace

struct Metrics::Impl {
  mutable std::mutex mutex;
  std::map<std::string, Family> families;

  /// The metric of that name and labels, made from `make` where it is new.
  template <typename Alternative, typename Make>
  Alternative& Get(const std::string& name, const std::string& help, const Labels& labels, Make make) {
    std::lock_guard lock(mutex);
    Metric fresh = Alternative();
    auto [at, is_new] = families.try_emplace(name, Family{help, fresh.index(), {}});
    Family& family = at->second;
    TW_CHECK(family.kind == fresh.index());
    if (const auto found = family.metrics.find(labels); found != family.metrics.end()) {
      return std::get<Alternative>(found->second);
    }
    return std::get<Alternative>(family.metrics.emplace(labels, Metric(Alternative(make(family)))).first->second);
  }
};

size_t Counter::SlotOfThisThread() {
  static std::atomic<size_t> threads = 0;
  thread_local const size_t slot = threads.fetch_add(1, std::memory_order_relaxed) % kSlots;
  return slot;
}

uint64_t Counter::value() const {
  uint64_t sum = 0;
  for (const Slot& slot : slots_) sum += slot.value.load(std::memory_order_relaxed);
  return sum;
}

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), counts_(new std::atomic<uint64_t>[bounds_.size() + 1]()) {
  TW_CHECK(std::is_sorted(bounds_.begin(), bounds_.end()));
}

void Histogram::Observe(double value) {
  const auto at = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  counts_[static_cast<size_t>(at - bounds_.begin())].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::vector<double> LatencyBounds() {
  return {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
}

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

Counter& Metrics::AddCounter(const std::string& name, const std::string& help, const Labels& labels) {
  return *impl_->Get<std::unique_ptr<Counter>>(name, help, labels,
                                               [](const Family&) { return std::make_unique<Counter>(); });
}

Gauge& Metrics::AddGauge(const std::string& name, const std::string& help, const Labels& labels) {
  return *impl_->Get<std::unique_ptr<Gauge>>(name, help, labels,
                                             [](const Family&) { return std::make_unique<Gauge>(); });
}

Histogram& Metrics::AddHistogram(const std::string& name, const std::string& help, std::vector<double> bounds,
                                 const Labels& labels) {
  return *impl_->Get<std::unique_ptr<Histogram>>(name, help, labels, [&](const Family& family) {
    if (family.metrics.empty()) return std::make_unique<Histogram>(std::move(bounds));
    return std::make_unique<Histogram>(std::get<std::unique_ptr<Histogram>>(family.metrics.begin()->second)->bounds());
  });
}

void Metrics::AddGaugeReader(const std::string& name, const std::string& help, std::function<double()> read,
                             const Labels& labels) {
  impl_->Get<Reader>(name, help, labels, [&](const Family&) { return std::move(read); });
}

std::string Metrics::Expose() const {
  std::vector<prometheus::MetricFamily> families;
  {
    std::lock_guard lock(impl_->mutex);
    for (const auto& [name, family] : impl_->families) {
      prometheus::MetricFamily& out = families.emplace_back();
      out.name = name;
      out.help = family.help;
      out.type = kTypes[family.kind];
      for (const auto& [labels, metric] : family.metrics) out.metric.push_back(Collect(labels, metric));
    }
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace thalweg::runtime
