#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/bytes.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/task.h"

namespace thalweg::net {

/// A run of an open file, sent by the kernel without passing through our memory.
struct FileRange {
  int fd = -1;
  uint64_t offset = 0;
  uint64_t size = 0;
  std::shared_ptr<const void> keep_open;  ///< keeps the descriptor valid, also when the file is deleted meanwhile
};

/// What is written, in order.
using Fragment = std::variant<Bytes, FileRange>;

/// One connection, owned by one shard. Reads and writes may run at the same time, one of each.
/// Errors: kNetwork. After Close, or a failure, every pending and later call fails.
/// Thread safety: all calls from the stream's own executor.
class Stream {
 public:
  virtual ~Stream() = default;
  /// Waits for at least one byte; 0 means that the peer has closed its side.
  virtual runtime::Task<arrow::Result<size_t>> Read(MutableByteView into) = 0;
  /// Completes when everything has been handed to the kernel.
  virtual runtime::Task<arrow::Status> Write(std::vector<Fragment> fragments) = 0;
  virtual void Close() = 0;
  /// Of all writes, what the kernel has taken so far.
  virtual uint64_t bytes_written() const = 0;
  virtual runtime::Executor& executor() = 0;
  /// "127.0.0.1:54321", for logs.
  virtual const std::string& peer() const = 0;
  /// The peer's address without port.
  virtual const std::string& peer_host() const = 0;
  /// The address of this machine that the connection goes over, without port: the peer can reach us there.
  virtual const std::string& local_host() const = 0;
};

}  // namespace thalweg::net
