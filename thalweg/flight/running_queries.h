#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace thalweg::flight {

/// The queries that run, so that another call can end one. Thread safety: all calls.
class RunningQueries {
 public:
  static constexpr size_t kRememberedMax = 256;

  /// One of them, as long as it runs.
  class Entry {
   public:
    Entry() = default;
    Entry(Entry&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), id_(std::move(other.id_)) {}
    Entry& operator=(Entry&&) = delete;
    /// Waits for a Cancel of it that is under way.
    ~Entry() {
      if (owner_) owner_->Remove(id_);
    }

   private:
    friend class RunningQueries;
    Entry(RunningQueries& owner, std::string id) : owner_(&owner), id_(std::move(id)) {}
    RunningQueries* owner_ = nullptr;
    std::string id_;
  };

  /// `cancel` must not wait.
  Entry Add(const std::string& id, std::function<void()> cancel) {
    std::lock_guard lock(mutex_);
    const bool added = running_.emplace(id, std::move(cancel)).second;
    return added ? Entry(*this, id) : Entry();
  }
  /// Whether it was running. Where it was not, it may be about to.
  bool Cancel(const std::string& id) {
    std::lock_guard lock(mutex_);
    latest_cancelled_last_.push_back(id);
    if (latest_cancelled_last_.size() > kRememberedMax) latest_cancelled_last_.pop_front();
    const auto found = running_.find(id);
    if (found == running_.end()) return false;
    found->second();
    return true;
  }
  /// Whether it was cancelled, before it ran too, and among the latest kRememberedMax that were.
  bool IsCancelled(const std::string& id) {
    std::lock_guard lock(mutex_);
    return std::ranges::find(latest_cancelled_last_, id) != latest_cancelled_last_.end();
  }

 private:
  void Remove(const std::string& id) {
    std::lock_guard lock(mutex_);
    running_.erase(id);
  }

  std::mutex mutex_;
  std::map<std::string, std::function<void()>> running_;
  std::deque<std::string> latest_cancelled_last_;
};

}  // namespace thalweg::flight
