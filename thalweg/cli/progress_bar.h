#pragma once

#include <cstdint>
#include <string>

#include "thalweg/runtime/clock.h"

namespace thalweg::cli {

/// One line on standard error that tells how far a command is, drawn over again a few times a second; nothing at all
/// where standard error is no terminal.
class ProgressBar {
 public:
  ProgressBar(std::string verb, bool quiet, const runtime::Clock& clock = runtime::SystemClock());
  /// Wipes the line.
  ~ProgressBar();

  /// `share` from 0 to 1; negative: nobody knows.
  void Update(uint64_t rows, double share);
  /// "336,776 rows in 1.2 s (280,646 rows/s)"
  std::string Summary(uint64_t rows) const;

  /// The line for `width` characters. For tests.
  static std::string Line(const std::string& verb, uint64_t rows, double seconds, double share, size_t width);

 private:
  double Seconds() const { return static_cast<double>(clock_.MonotonicNs() - began_ns_) / 1e9; }

  const std::string verb_;
  const runtime::Clock& clock_;
  const int64_t began_ns_;
  const bool shown_;
  int64_t next_ns_;
  bool drawn_ = false;
};

}  // namespace thalweg::cli
