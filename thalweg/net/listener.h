#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "thalweg/net/stream.h"
#include "thalweg/runtime/executor.h"

namespace thalweg::net {

struct Address {
  std::string host;
  uint16_t port = 0;

  /// "127.0.0.1:9123", "[::1]:9123", "localhost:9123". Port 0 lets the system choose.
  static arrow::Result<Address> Parse(const std::string& text);
  std::string ToString() const;
};

/// What one client has to itself, given its address without port: an IPv4 address, the /64 of an IPv6 one. Other text as it is.
std::string NetworkOf(const std::string& host);

/// Accepts connections and hands each to one of the shards in turn. `on_stream` runs on the stream's shard.
/// Running out of descriptors pauses accepting, it does not end it.
class Listener {
 public:
  using OnStream = std::function<void(std::unique_ptr<Stream>)>;
  virtual ~Listener() = default;
  /// The address that is really bound.
  virtual const Address& address() const = 0;
  /// No further stream is handed out after this returns.
  virtual void Stop() = 0;
};

}  // namespace thalweg::net
