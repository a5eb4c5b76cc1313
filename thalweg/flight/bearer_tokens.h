#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "thalweg/security/principal.h"

namespace thalweg::flight {

struct BearerTokensOptions {
  size_t count_max = 10'000;                            ///< beyond, the one that was not used the longest is forgotten
  int64_t unused_ns_max = 12 * 3600 * 1'000'000'000ll;  ///< one that is not used for so long is worth nothing
};

/// What a client that has proven who it is shows from then on, instead of its password. Random, known to this server only, and
/// until it ends. Times are of one monotonic clock. Thread safety: all calls.
class BearerTokens {
 public:
  explicit BearerTokens(BearerTokensOptions options = {}) : options_(options) {}

  /// `secret` is random, and becomes the token: at least 16 bytes nobody can guess, in characters that a header can have.
  void Add(std::string secret, security::Principal principal, int64_t now_ns);
  /// Whose it is; nobody's where it is unknown, or was not used for too long.
  std::optional<security::Principal> Find(std::string_view token, int64_t now_ns);
  void Forget(std::string_view token);

  size_t count() const;

 private:
  struct Token {
    std::string secret;
    security::Principal principal;
    int64_t used_ns = 0;
  };
  using Place = std::list<Token>::iterator;
  void Remove(Place token);

  const BearerTokensOptions options_;
  mutable std::mutex mutex_;
  std::list<Token> latest_last_;
  std::unordered_map<std::string_view, Place> by_secret_;  ///< views those in the list
};

}  // namespace thalweg::flight
