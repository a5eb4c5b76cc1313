#include "thalweg/flight/bearer_tokens.h"

#include <iterator>
#include <utility>

namespace thalweg::flight {

void BearerTokens::Remove(Place token) {
  by_secret_.erase(token->secret);
  latest_last_.erase(token);
}

void BearerTokens::Add(std::string secret, security::Principal principal, int64_t now_ns) {
  std::lock_guard lock(mutex_);
  const auto too_old = [&](const Token& token) { return now_ns - token.used_ns > options_.unused_ns_max; };
  while (!latest_last_.empty() && (latest_last_.size() >= options_.count_max || too_old(latest_last_.front()))) {
    Remove(latest_last_.begin());
  }
  latest_last_.push_back({std::move(secret), std::move(principal), now_ns});
  by_secret_.emplace(latest_last_.back().secret, std::prev(latest_last_.end()));
}

std::optional<security::Principal> BearerTokens::Find(std::string_view token, int64_t now_ns) {
  std::lock_guard lock(mutex_);
  const auto found = by_secret_.find(token);
  if (found == by_secret_.end()) return std::nullopt;
  const Place place = found->second;
  if (now_ns - place->used_ns > options_.unused_ns_max) {
    Remove(place);
    return std::nullopt;
  }
  place->used_ns = now_ns;
  latest_last_.splice(latest_last_.end(), latest_last_, place);
  return place->principal;
}

void BearerTokens::Forget(std::string_view token) {
  std::lock_guard lock(mutex_);
  if (const auto found = by_secret_.find(token); found != by_secret_.end()) Remove(found->second);
}

size_t BearerTokens::count() const {
  std::lock_guard lock(mutex_);
  return latest_last_.size();
}

}  // namespace thalweg::flight
