#include "thalweg/service/session.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/service/api_table.h"
#include "thalweg/service/request_metrics.h"
#include "thalweg/service/server.h"
#include "thalweg/tablet/engine.h"

namespace thalweg::service {
namespace {

// Small requests are read several at a time; what is longer goes straight to its own memory.
constexpr size_t kReadAheadBytes = 4096;
// So much, as long as no more has come at once: most of many connections are idle.
constexpr size_t kFirstReadAheadBytes = 512;
// Who takes less between two looks, while others need the memory of its answer, is as good as stuck.
constexpr uint64_t kTakenBytesMin = 64 << 10;

constexpr int64_t kStrangersFrameBytesMax = 64 << 10;

bool IsForStrangers(wire::ApiKey key) {
  return key == wire::ApiKey::kApiVersions || key == wire::ApiKey::kAuthenticate;
}

size_t BytesOf(const Reply& reply) {
  size_t bytes = 0;
  for (const auto& fragment : reply) {
    bytes += std::visit(
        [](const auto& f) -> size_t {
          if constexpr (requires { f.size(); }) {
            return f.size();
          } else {
            return f.size;
          }
        },
        fragment);
  }
  return bytes;
}

}  // namespace

Session::Session(Server& server, Services& services, runtime::ByteBudget& memory, const Endpoint& endpoint,
                 std::unique_ptr<net::Stream> stream)
    : server_(server),
      services_(services),
      memory_(memory),
      stream_(std::move(stream)),
      ahead_(kFirstReadAheadBytes),
      opened_ns_(services.clock.MonotonicNs()),
      last_traffic_ns_(opened_ns_) {
  connection_.advertised = endpoint.advertised;
  if (connection_.advertised.host.empty()) connection_.advertised.host = stream_->local_host();
  connection_.endpoint = &endpoint;
  connection_.authenticated = endpoint.credentials == nullptr;
  connection_.asker.host = stream_->peer_host();
}

Session::~Session() { server_.Forget(*this); }

int64_t Session::Now() const { return services_.clock.MonotonicNs(); }

void Session::Start() { runtime::Spawn(ReadLoop(shared_from_this())); }

void Session::Close() {
  if (std::exchange(closed_, true)) return;
  stream_->Close();
  connection_.waits.End();
  if (!connection_.scans.empty()) {
    services_.engine.NoteScansLeft({connection_.scans.begin(), connection_.scans.end()});
  }
  ResumeReading();
}

void Session::Drain() {
  draining_ = true;
  connection_.waits.End();
  if (calls_ == 0 && outgoing_.empty() && !writing_) Close();
}

void Session::CheckTimeouts(int64_t now_ns, bool pressed) {
  constexpr int64_t kNsPerMs = 1'000'000;
  const bool slow = frame_began_ns_ != 0 && now_ns - frame_began_ns_ > services_.limits.frame_ms_max * kNsPerMs;
  const bool idle = calls_ == 0 && now_ns - last_traffic_ns_ > services_.limits.idle_ms_max * kNsPerMs;
  const bool strange = !connection_.authenticated && now_ns - opened_ns_ > services_.limits.login_ms_max * kNsPerMs;
  if (slow || idle || strange || !TakesAnswers(now_ns, pressed)) Close();
}

bool Session::TakesAnswers(int64_t now_ns, bool pressed) {
  const uint64_t taken = stream_->bytes_written() - sent_before_;
  if (!writing_) return true;
  if (taken >= (pressed ? kTakenBytesMin : 1)) {
    sent_before_ += taken;
    took_ns_ = now_ns;
  }
  const int64_t ms_max = pressed ? services_.limits.pressed_send_ms_max : services_.limits.send_ms_max;
  return now_ns - took_ns_ <= ms_max * 1'000'000;
}

bool Session::Congested() const {
  return calls_ >= services_.limits.calls_per_connection_max ||
         unsent_bytes_ > static_cast<size_t>(services_.limits.unsent_bytes_per_connection_max);
}

void Session::ResumeReading() {
  if (paused_reader_ && (closed_ || !Congested())) std::exchange(paused_reader_, nullptr).resume();
}

runtime::Task<bool> Session::Fill(MutableByteView into) {
  while (!into.empty()) {
    auto got = co_await stream_->Read(into);
    if (!got.ok() || *got == 0) co_return false;
    services_.metrics.AddBytesIn(*got);
    into = into.subspan(*got);
  }
  co_return true;
}

runtime::Task<arrow::Result<Session::Frame>> Session::ReadFrame() {
  const auto ended = [] { return Error(ErrorCode::kNetwork, "The connection ended."); };
  while (ahead_to_ - ahead_from_ < wire::kLengthBytes) {
    if (ahead_from_ > 0) {
      std::memmove(ahead_.data(), ahead_.data() + ahead_from_, ahead_to_ - ahead_from_);
      ahead_to_ -= std::exchange(ahead_from_, 0);
    }
    if (ahead_to_ > 0 && frame_began_ns_ == 0) frame_began_ns_ = Now();
    auto got = co_await stream_->Read(MutableByteView(ahead_).subspan(ahead_to_));
    if (!got.ok() || *got == 0) co_return ended();
    services_.metrics.AddBytesIn(*got);
    ahead_to_ += *got;
    if (ahead_to_ == ahead_.size()) ahead_.resize(kReadAheadBytes);
  }
  const auto length = LoadBig<int32_t>(ahead_.data() + ahead_from_);
  ahead_from_ += wire::kLengthBytes;
  // Before anybody is known, nothing that is asked needs more.
  const int64_t bytes_max = connection_.authenticated ? services_.limits.frame_bytes_max : kStrangersFrameBytesMax;
  if (length < static_cast<int32_t>(wire::kRequestHeadBytes) || length > bytes_max) {
    co_return Error(ErrorCode::kCorruptMessage, "A frame of {} bytes is outside the limits.", length);
  }
  frame_began_ns_ = 0;  // waiting for memory is not the client's slowness
  co_await memory_.Acquire(length, stream_->executor());
  Frame frame{.memory = runtime::ByteBudget::Hold(memory_, length)};
  if (closed_) co_return ended();
  frame_began_ns_ = Now();
  frame.bytes = std::make_shared<Buffer>(static_cast<size_t>(length));
  const size_t have = std::min(frame.bytes->size(), ahead_to_ - ahead_from_);
  std::memcpy(frame.bytes->data(), ahead_.data() + ahead_from_, have);
  ahead_from_ += have;
  if (ahead_from_ == ahead_to_) ahead_from_ = ahead_to_ = 0;
  if (!co_await Fill(frame.bytes->view().subspan(have))) co_return ended();
  last_traffic_ns_ = Now();
  frame_began_ns_ = 0;
  co_return frame;
}

runtime::Task<> Session::ReadLoop(std::shared_ptr<Session> self) {
  while (!closed_ && !draining_) {
    if (Congested()) {
      struct Pause {
        Session& session;
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> handle) { session.paused_reader_ = handle; }
        void await_resume() const noexcept {}
      };
      co_await Pause{*this};
      continue;
    }
    auto frame = co_await ReadFrame();
    if (!frame.ok()) {
      if (CodeOf(frame.status()) == ErrorCode::kCorruptMessage) server_.NoteMalformed(peer(), frame.status());
      break;
    }
    ++calls_;
    runtime::Spawn(Handle(self, std::move(*frame)));
  }
  // A client that has sent its last request still waits for the answers.
  Drain();
}

runtime::Task<> Session::Handle(std::shared_ptr<Session> self, Frame frame) {
  const int64_t began_ns = Now();
  const int failed_logins = connection_.failed_logins;
  const auto request = wire::DecodeRequest(ByteView(frame.bytes->data(), frame.bytes->size()));
  if (!request.ok()) {
    --calls_;
    Close();
    co_return;
  }
  const int32_t id = request->id;
  const wire::ApiKey key = request->key;
  Reply reply;
  runtime::ByteBudget::Hold answer_memory;
  arrow::Status status;
  const Api* api = FindApi(key);
  if (!connection_.authenticated && !IsForStrangers(key)) {
    status =
        Error(ErrorCode::kAuthenticate,
              "This connection has not proven who it is, which the listener {} asks for: set client.security.protocol "
              "to SASL, and a user name and password.",
              connection_.endpoint->name);
  } else if (!api) {
    status = Error(ErrorCode::kUnsupportedVersion, "This server does not implement API {}.", static_cast<int>(key));
  } else if (request->version < api->version_min || request->version > api->version_max) {
    status = Error(ErrorCode::kUnsupportedVersion,
                   "This server implements {} in versions {} to {}, not {}: see API_VERSIONS.", wire::ApiName(key),
                   api->version_min, api->version_max, request->version);
  } else {
    Call call{services_, stream_->executor(), connection_,  std::move(frame.bytes),
              *request,  server_.answers(),   answer_memory};
    if (services_.policy) status = api->access(call);
    if (status.ok()) {
      auto answer = co_await api->handler(std::move(call));
      status = answer.status();
      if (answer.ok()) reply = std::move(*answer);
    }
  }
  if (!status.ok()) reply.emplace_back(wire::EncodeErrorResponse(id, status));
  const size_t bytes = BytesOf(reply);
  services_.metrics.AddRequest(key, Now() - began_ns, bytes, status.ok());
  --calls_;
  Send(std::move(reply), bytes, std::move(frame.memory), std::move(answer_memory));
  if (connection_.failed_logins > failed_logins) NoteFailedLogin(status);
}

void Session::NoteFailedLogin(const arrow::Status& status) {
  // Those that are held off may be any number, and are counted only.
  if (CodeOf(status) == ErrorCode::kAuthenticate) server_.NoteRefusedLogin(peer(), status);
  if (connection_.failed_logins >= services_.limits.failed_logins_max) Drain();
}

void Session::Send(Reply reply, size_t bytes, runtime::ByteBudget::Hold memory,
                   runtime::ByteBudget::Hold answer_memory) {
  if (closed_) return;
  unsent_bytes_ += bytes;
  outgoing_.push_back({std::move(reply), bytes, std::move(memory), std::move(answer_memory)});
  if (std::exchange(writing_, true)) return;
  sent_before_ = stream_->bytes_written();
  took_ns_ = Now();
  runtime::Spawn(WriteLoop(shared_from_this()));
}

runtime::Task<> Session::WriteLoop(std::shared_ptr<Session> self) {
  while (!outgoing_.empty() && !closed_) {
    Outgoing next = std::move(outgoing_.front());
    outgoing_.pop_front();
    const arrow::Status sent = co_await stream_->Write(std::move(next.reply));
    unsent_bytes_ -= next.bytes;
    last_traffic_ns_ = Now();
    if (!sent.ok()) Close();
    ResumeReading();
  }
  writing_ = false;
  if (draining_ && calls_ == 0) Close();
}

}  // namespace thalweg::service
