#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace thalweg::security {

struct FailedLoginsOptions {
  int at_once_max = 20;               ///< wrong passwords that a network has free,
  int64_t refill_ns = 1'000'000'000;  ///< and gets one of back in this time
  size_t networks_max = 4'096;        ///< that are remembered; beyond, who was wrong longest ago is forgotten
};

/// Holds off who tries passwords, network by network: once its free ones are used up, a network gets to try one in `refill_ns`,
/// however many connections it opens. Nobody waits in here: who has to is told for how long.
/// Times are of one monotonic clock, in ns. Thread safety: all calls.
class FailedLogins {
 public:
  explicit FailedLogins(FailedLoginsOptions options = {}) : options_(options) {}

  /// How long a password from there is not to be looked at; 0: go on.
  int64_t WaitNs(std::string_view network, int64_t now_ns) const;
  /// A password from there was wrong. Whether those behind it are held off from now on.
  bool Add(std::string_view network, int64_t now_ns);

  size_t networks() const;

 private:
  struct Network {
    std::string name;
    int64_t forgiven_ns = 0;  ///< when nothing of what it did counts any more
  };
  int64_t WaitOf(const Network& network, int64_t now_ns) const;

  const FailedLoginsOptions options_;
  mutable std::mutex mutex_;
  std::list<Network> latest_last_;
  std::unordered_map<std::string_view, std::list<Network>::iterator> by_name_;  ///< views the names in the list
};

}  // namespace thalweg::security
