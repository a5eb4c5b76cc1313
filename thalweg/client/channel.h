#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/net/stream.h"
#include "thalweg/runtime/completion.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/gate.h"
#include "thalweg/runtime/task.h"
#include "thalweg/runtime/timer.h"

namespace thalweg::client {

/// The largest answer that a client takes; servers send far less unless asked for more.
inline constexpr size_t kAnswerBytesMax = 256u << 20;

/// Requests out, answers in, matched by id, in any order, over one stream.
///
/// Invariant: once the stream has failed, every call fails with the same status; nothing is sent again from here.
/// Thread safety: all calls from the stream's executor. One Write at a time.
class Channel {
 public:
  explicit Channel(std::unique_ptr<net::Stream> stream);

  /// Sends a whole request frame whose answer Await will fetch by `id`. Completes when the kernel has it.
  runtime::Task<arrow::Status> Write(int32_t id, Bytes frame);
  /// The frame (without its length field) that answers `id`, once per Write.
  /// Errors: NETWORK where the stream has ended, REQUEST_TIME_OUT where no answer came within `limit`.
  runtime::Task<arrow::Result<Bytes>> Await(int32_t id, runtime::Nanos limit);
  /// Ends the stream and waits until nothing refers to this object any more. Before the destructor, once.
  runtime::Task<> Stop();

  const std::string& peer() const { return stream_->peer(); }

 private:
  /// One answer that is waited for, or will be.
  struct Slot {
    runtime::Completion<arrow::Result<Bytes>> done;
    bool settled = false;
    std::optional<int64_t> due_ns{};  ///< once it is waited for
    runtime::Nanos limit{};

    void Settle(arrow::Result<Bytes> result) {
      if (!std::exchange(settled, true)) done.Set(std::move(result));
    }
  };

  runtime::Task<> ReadAll();
  runtime::Task<arrow::Result<Bytes>> ReadFrame();
  runtime::Task<arrow::Status> ReadExactly(MutableByteView into);
  void Fail(arrow::Status status);
  void Watch(int64_t due_ns);
  void SettleLate();

  std::unique_ptr<net::Stream> stream_;
  std::map<int32_t, std::shared_ptr<Slot>> slots_;
  // One timer for all, which most answers come before: one for each would stay behind for as long as its limit.
  runtime::Timer watch_;
  int64_t watched_ns_ = 0;  ///< where watch_ is armed
  Buffer ahead_;            ///< read, and no answer yet
  ByteView unused_;         ///< of it
  arrow::Status failure_;
  runtime::Gate reading_;
};

}  // namespace thalweg::client
