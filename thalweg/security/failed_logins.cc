#include "thalweg/security/failed_logins.h"

#include <algorithm>
#include <iterator>

namespace thalweg::security {

int64_t FailedLogins::WaitOf(const Network& network, int64_t now_ns) const {
  const int64_t free_ns = (options_.at_once_max - 1) * options_.refill_ns;
  return std::max<int64_t>(0, network.forgiven_ns - now_ns - free_ns);
}

int64_t FailedLogins::WaitNs(std::string_view network, int64_t now_ns) const {
  std::lock_guard lock(mutex_);
  const auto found = by_name_.find(network);
  return found == by_name_.end() ? 0 : WaitOf(*found->second, now_ns);
}

bool FailedLogins::Add(std::string_view network, int64_t now_ns) {
  std::lock_guard lock(mutex_);
  const auto forget_first = [&] {
    by_name_.erase(latest_last_.front().name);
    latest_last_.pop_front();
  };
  while (!latest_last_.empty() && latest_last_.front().forgiven_ns <= now_ns) forget_first();
  if (const auto found = by_name_.find(network); found != by_name_.end()) {
    latest_last_.splice(latest_last_.end(), latest_last_, found->second);
  } else {
    if (latest_last_.size() >= options_.networks_max) forget_first();
    latest_last_.push_back({.name = std::string(network)});
    by_name_.emplace(latest_last_.back().name, std::prev(latest_last_.end()));
  }
  Network& known = latest_last_.back();
  known.forgiven_ns = std::max(known.forgiven_ns, now_ns) + options_.refill_ns;
  return WaitOf(known, now_ns) > 0;
}

size_t FailedLogins::networks() const {
  std::lock_guard lock(mutex_);
  return latest_last_.size();
}

}  // namespace thalweg::security
