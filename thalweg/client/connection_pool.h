#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "arrow/status.h"
#include "thalweg/client/connection.h"

namespace thalweg::client {

struct PoolLimits {
  /// Open at a time; who needs one more waits.
  size_t connections_max = 4;
  /// How often work is tried in all, and the pauses in between, which double.
  int tries_max = 6;
  runtime::Nanos pause_first = std::chrono::milliseconds(50);
  runtime::Nanos pause_max = std::chrono::seconds(1);
};

/// Whether work may be done twice where nobody knows whether the first time counted.
enum class Repeat : uint8_t { kYes, kNo };

/// Connections to one server for several threads. They are opened when they are needed, kept, and opened again when they
/// have broken, so that a server that restarts is hardly noticed. None has a thread: work on it that sends ahead has its answers taken in
/// when it asks for them.
/// Thread safety: all but the destructor, which waits for nobody.
class ConnectionPool {
 public:
  using Work = std::function<arrow::Status(Connection&)>;

  explicit ConnectionPool(ConnectionOptions options, PoolLimits limits = {});
  ~ConnectionPool();

  /// Does `work` with a connection of its own, again (bounded by the limits) where the connection broke or the server says
  /// that the same request may succeed later; with kNo only where the connection could not be opened, which is then a new
  /// one. Never again after REQUEST_TIME_OUT: that has taken long enough. UNKNOWN_TABLE_OR_BUCKET and SCHEMA_NOT_EXIST go to the
  /// caller, who has to look at the table anew.
  arrow::Status Run(Repeat repeat, const Work& work);

  const ConnectionOptions& options() const { return options_; }

 private:
  struct Slot {
    std::unique_ptr<Connection> connection;
    bool sound = false;
  };

  Slot Borrow();
  void Return(Slot slot);
  arrow::Status TryOnce(Repeat repeat, const Work& work, Slot& slot, bool* worked) const;

  const ConnectionOptions options_;
  const PoolLimits limits_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<Slot> idle_;  ///< the last one used last
  size_t borrowed_ = 0;
};

}  // namespace thalweg::client
