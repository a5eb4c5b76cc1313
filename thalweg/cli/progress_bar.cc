#include "thalweg/cli/progress_bar.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "fmt/format.h"
#include "thalweg/cli/text_table.h"
#include "thalweg/io/terminal.h"

namespace thalweg::cli {
namespace {

// What is over sooner needs no bar.
constexpr int64_t kFirstNs = 300'000'000;
constexpr int64_t kIntervalNs = 100'000'000;
constexpr size_t kBarCharactersMax = 30;

std::string RateText(uint64_t rows, double seconds) {
  return WithSeparators(seconds > 0 ? static_cast<uint64_t>(static_cast<double>(rows) / seconds) : 0) + " rows/s";
}

}  // namespace

ProgressBar::ProgressBar(std::string verb, bool quiet, const runtime::Clock& clock)
    : verb_(std::move(verb)),
      clock_(clock),
      began_ns_(clock.MonotonicNs()),
      shown_(!quiet && io::IsTerminal(io::StandardStream::kError)),
      next_ns_(began_ns_ + kFirstNs) {}

ProgressBar::~ProgressBar() {
  if (drawn_) fmt::print(stderr, "\r\033[K");
}

void ProgressBar::Update(uint64_t rows, double share) {
  if (!shown_) return;
  const int64_t now_ns = clock_.MonotonicNs();
  if (now_ns < next_ns_) return;
  next_ns_ = now_ns + kIntervalNs;
  drawn_ = true;
  const size_t width = io::TerminalColumns(io::StandardStream::kError);
  fmt::print(stderr, "\r{}\033[K", Line(verb_, rows, Seconds(), share, width));
  std::fflush(stderr);
}

std::string ProgressBar::Line(const std::string& verb, uint64_t rows, double seconds, double share, size_t width) {
  const std::string figures = fmt::format("{} {} rows  {}", verb, WithSeparators(rows), RateText(rows, seconds));
  if (share < 0) return FitTo(figures, width);
  share = std::min(share, 1.0);
  const std::string percent = fmt::format("{:3.0f} %", share * 100);
  const size_t taken = DisplayWidth(figures) + DisplayWidth(percent) + 4;
  const size_t bar = width > taken ? std::min(width - taken, kBarCharactersMax) : 0;
  const auto full = static_cast<size_t>(share * static_cast<double>(bar));
  std::string line = figures + "  ";
  for (size_t i = 0; i < bar; ++i) line += i < full ? "█" : "░";
  return FitTo(line + ' ' + percent, width);
}

std::string ProgressBar::Summary(uint64_t rows) const {
  return fmt::format("{} row{} in {:.1f} s ({})", WithSeparators(rows), rows == 1 ? "" : "s", Seconds(),
                     RateText(rows, Seconds()));
}

}  // namespace thalweg::cli
