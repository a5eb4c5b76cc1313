#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace thalweg::runtime {

/// A number that only grows. Cheap on every thread at once: threads add to slots of their own cache line.
class Counter {
 public:
  void Add(uint64_t count = 1) { slots_[SlotOfThisThread()].value.fetch_add(count, std::memory_order_relaxed); }
  uint64_t value() const;

 private:
  static constexpr size_t kSlots = 8;
  struct alignas(64) Slot {
    std::atomic<uint64_t> value = 0;
  };
  static size_t SlotOfThisThread();

  std::array<Slot, kSlots> slots_;
};

/// A number that goes up and down.
class Gauge {
 public:
  void Set(int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void Add(int64_t difference) { value_.fetch_add(difference, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_ = 0;
};

/// How often values fell into each of a few ranges.
class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds);
  void Observe(double value);

  const std::vector<double>& bounds() const { return bounds_; }
  /// Observations at or below bound `index` and above the one before; index bounds().size() has those above all.
  uint64_t count_in(size_t index) const { return counts_[index].load(std::memory_order_relaxed); }
  double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  const std::vector<double> bounds_;
  std::unique_ptr<std::atomic<uint64_t>[]> counts_;
  std::atomic<double> sum_ = 0;
};

/// Seconds, from 50 µs to 10 s, in steps of about 2.
std::vector<double> LatencyBounds();

/// All numbers of one server. Names are Prometheus's: thalweg_<what>_<unit>, with _total at the end of a counter; label
/// values that a user chooses (table names) are the caller's to bound.
///
/// Asking again for the same name and labels gives the same object, which lives as long as the Metrics; asking for a name
/// as another kind dies. Thread safety: all of it; the objects too.
class Metrics {
 public:
  using Labels = std::map<std::string, std::string>;

  Metrics();
  ~Metrics();

  Counter& AddCounter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge& AddGauge(const std::string& name, const std::string& help, const Labels& labels = {});
  /// `bounds`, ascending, count for the first of its name; later ones get the same.
  Histogram& AddHistogram(const std::string& name, const std::string& help, std::vector<double> bounds,
                          const Labels& labels = {});
  /// A gauge whose value is asked for whenever metrics are read. `read` is called from any thread, under the lock of the
  /// Metrics, and stays valid as long as they do.
  void AddGaugeReader(const std::string& name, const std::string& help, std::function<double()> read,
                      const Labels& labels = {});

  /// Everything in Prometheus's text format, version 0.0.4.
  std::string Expose() const;

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace thalweg::runtime
