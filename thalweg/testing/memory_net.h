#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "thalweg/net/listener.h"
#include "thalweg/net/stream.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/task.h"
#include "thalweg/testing/sim_executor.h"

namespace thalweg::testing {

struct MemoryNetworkOptions {
  runtime::Nanos latency = std::chrono::microseconds(50);  ///< one way
  size_t window_bytes = 64 << 10;  ///< written but not yet read, per direction; a writer waits at it
  bool split = true;               ///< reads and deliveries take pieces of random size, as TCP may
};

/// The network of a simulation: streams and listeners with the contracts of net::Stream and net::Listener, over the
/// executors of one scheduler, with faults. File ranges are read when written.
///
/// Thread safety: none; used from the scheduler's one thread. Streams may outlive the network, not the scheduler.
class MemoryNetwork {
 public:
  using StreamPtr = std::unique_ptr<net::Stream>;

  explicit MemoryNetwork(SimScheduler& scheduler, MemoryNetworkOptions options = {});
  ~MemoryNetwork();

  /// Two ends of one connection; the first belongs to `a`, the second to `b`.
  std::pair<StreamPtr, StreamPtr> MakePair(runtime::Executor& a, runtime::Executor& b);

  /// Hands connections to `executors` in turn. Port 0 takes a free one. Error: kInvalidConfig where it is in use.
  arrow::Result<std::unique_ptr<net::Listener>> Listen(std::vector<runtime::Executor*> executors, net::Address address,
                                                       net::Listener::OnStream on_stream);

  /// The port decides; the host is not looked at. Error: kNetwork where nobody listens, or SetRefusing.
  runtime::Task<arrow::Result<StreamPtr>> Connect(runtime::Executor& home, net::Address address);

  /// Breaks every open connection: calls on both ends fail, bytes under way are lost.
  void CutAll();
  /// While set, no connection is made.
  void SetRefusing(bool refusing) { refusing_ = refusing; }

  /// One connection with its two directions; an implementation detail that both ends share.
  struct Link;

 private:
  struct ListenState;
  class MemoryListener;

  SimScheduler& scheduler_;
  const MemoryNetworkOptions options_;
  bool refusing_ = false;
  uint16_t next_port_ = 20'000;
  uint16_t next_peer_port_ = 40'000;
  std::vector<std::weak_ptr<Link>> links_;
  std::shared_ptr<std::map<uint16_t, std::shared_ptr<ListenState>>> listeners_;
};

}  // namespace thalweg::testing
