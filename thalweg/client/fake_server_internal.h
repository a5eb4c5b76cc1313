#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "thalweg/base/endian.h"
#include "thalweg/net/tcp.h"
#include "thalweg/runtime/block_on.h"
#include "thalweg/runtime/gate.h"
#include "thalweg/runtime/shards.h"
#include "thalweg/wire/frame.h"

namespace thalweg::client {

/// A server that answers as a test tells it. For tests.
class FakeServer {
 public:
  /// The answer's frame; none breaks the connection. Called on one thread, request by request.
  using Answer = std::function<std::optional<Bytes>(const wire::Request&)>;

  explicit FakeServer(Answer answer) : answer_(std::move(answer)) {
    listener_ = net::ListenTcp(*shards_, {"127.0.0.1", 0}, [this](std::unique_ptr<net::Stream> stream) {
                  if (serving_.Enter()) runtime::Spawn(Serve(std::move(stream)));
                }).ValueOrDie();
  }
  /// Clients must be gone.
  ~FakeServer() {
    listener_->Stop();
    runtime::BlockOn(shards_->at(0), Close());
    shards_->Stop();
  }

  net::Address address() const { return listener_->address(); }
  int connections() const { return connections_; }

 private:
  runtime::Task<> Close() { co_await serving_.Close(shards_->at(0)); }

  static runtime::Task<bool> ReadAll(net::Stream& stream, MutableByteView into) {
    while (!into.empty()) {
      const auto got = co_await stream.Read(into);
      if (!got.ok() || *got == 0) co_return false;
      into = into.subspan(*got);
    }
    co_return true;
  }

  runtime::Task<> Serve(std::unique_ptr<net::Stream> stream) {
    const runtime::Gate::Holder in(serving_);
    ++connections_;
    while (true) {
      uint8_t head[wire::kLengthBytes];
      if (!co_await ReadAll(*stream, head)) break;
      std::vector<uint8_t> frame(LoadBig<uint32_t>(head));
      if (!co_await ReadAll(*stream, frame)) break;
      auto answer = answer_(wire::DecodeRequest(frame).ValueOrDie());
      if (!answer) break;
      std::vector<net::Fragment> fragments;
      fragments.emplace_back(std::move(*answer));
      if (!(co_await stream->Write(std::move(fragments))).ok()) break;
    }
    stream->Close();
  }

  const Answer answer_;
  runtime::Gate serving_;
  int connections_ = 0;
  std::unique_ptr<runtime::Shards> shards_ = runtime::Shards::Start(1);
  std::unique_ptr<net::Listener> listener_;
};

}  // namespace thalweg::client
