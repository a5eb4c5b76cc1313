#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/net/stream.h"
#include "thalweg/runtime/byte_budget.h"
#include "thalweg/runtime/task.h"
#include "thalweg/service/call.h"
#include "thalweg/service/endpoint.h"
#include "thalweg/service/services.h"

namespace thalweg::service {

class Server;

/// One connection: reads requests, starts their handlers in the order of arrival, sends answers as they are ready.
///
/// A frame that cannot be understood (no head, or longer than allowed) closes the connection, and nothing else. Reading
/// pauses while too much of this client is in the works: calls, or answers that it does not take.
/// Thread safety: none; it lives on the stream's shard. It keeps itself alive until its last answer is sent or lost.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Server& server, Services& services, runtime::ByteBudget& memory, const Endpoint& endpoint,
          std::unique_ptr<net::Stream> stream);
  ~Session();

  void Start();
  /// Takes no more requests, and closes once all answers are out. Calls that wait for news are answered without.
  void Drain();
  void Close();

  /// Closes where the client has been silent for too long, or is too slow with a frame.
  /// Also where it takes nothing of its answers, sooner if `pressed`: others need the memory. Now and then.
  void CheckTimeouts(int64_t now_ns, bool pressed);
  const std::string& peer() const { return stream_->peer(); }
  runtime::Executor& executor() const { return stream_->executor(); }

 private:
  runtime::Task<> ReadLoop(std::shared_ptr<Session> self);
  struct Frame {
    std::shared_ptr<Buffer> bytes;
    runtime::ByteBudget::Hold memory;
  };
  runtime::Task<arrow::Result<Frame>> ReadFrame();
  runtime::Task<bool> Fill(MutableByteView into);
  runtime::Task<> Handle(std::shared_ptr<Session> self, Frame frame);
  void NoteFailedLogin(const arrow::Status& status);
  bool TakesAnswers(int64_t now_ns, bool pressed);
  void Send(Reply reply, size_t bytes, runtime::ByteBudget::Hold memory, runtime::ByteBudget::Hold answer_memory);
  runtime::Task<> WriteLoop(std::shared_ptr<Session> self);
  bool Congested() const;
  void ResumeReading();
  int64_t Now() const;

  struct Outgoing {
    Reply reply;
    size_t bytes = 0;
    runtime::ByteBudget::Hold memory;
    runtime::ByteBudget::Hold answer_memory;
  };

  Server& server_;
  Services& services_;
  runtime::ByteBudget& memory_;
  std::unique_ptr<net::Stream> stream_;
  Connection connection_;

  std::vector<uint8_t> ahead_;  ///< read behind the frame at hand
  size_t ahead_from_ = 0;
  size_t ahead_to_ = 0;

  int calls_ = 0;
  std::deque<Outgoing> outgoing_;
  size_t unsent_bytes_ = 0;
  bool writing_ = false;
  bool draining_ = false;
  bool closed_ = false;
  std::coroutine_handle<> paused_reader_;
  const int64_t opened_ns_;
  int64_t last_traffic_ns_ = 0;
  int64_t frame_began_ns_ = 0;  ///< 0: between frames
  uint64_t sent_before_ = 0;    ///< bytes that the client had taken when it last took enough,
  int64_t took_ns_ = 0;         ///< which was then
};

}  // namespace thalweg::service
