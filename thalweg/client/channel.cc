#include "thalweg/client/channel.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "thalweg/base/check.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/wire/frame.h"

namespace thalweg::client {
namespace {

constexpr size_t kAheadBytes = 16 << 10;

}  // namespace

Channel::Channel(std::unique_ptr<net::Stream> stream)
    : stream_(std::move(stream)), watch_(stream_->executor()), ahead_(kAheadBytes) {
  TW_CHECK(reading_.Enter());
  runtime::Spawn(ReadAll());
}

runtime::Task<arrow::Status> Channel::Write(int32_t id, Bytes frame) {
  if (!failure_.ok()) co_return failure_;
  slots_[id] = std::make_shared<Slot>();
  std::vector<net::Fragment> fragments;
  fragments.emplace_back(std::move(frame));
  const arrow::Status written = co_await stream_->Write(std::move(fragments));
  if (!written.ok()) Fail(written);
  co_return written;
}

runtime::Task<arrow::Result<Bytes>> Channel::Await(int32_t id, runtime::Nanos limit) {
  const auto found = slots_.find(id);
  if (found == slots_.end()) {
    co_return failure_.ok() ? Error(ErrorCode::kNetwork, "Request {} was never sent.", id) : failure_;
  }
  const std::shared_ptr<Slot> slot = found->second;
  slot->limit = limit;
  slot->due_ns = runtime::SystemClock().MonotonicNs() + limit.count();
  Watch(*slot->due_ns);
  auto answer = co_await slot->done.Wait(stream_->executor());
  slots_.erase(id);
  co_return answer;
}

void Channel::Watch(int64_t due_ns) {
  if (watch_.armed() && watched_ns_ <= due_ns) return;
  watched_ns_ = due_ns;
  watch_.Arm(runtime::Nanos(std::max<int64_t>(due_ns - runtime::SystemClock().MonotonicNs(), 0)),
             [this] { SettleLate(); });
}

void Channel::SettleLate() {
  const int64_t now_ns = runtime::SystemClock().MonotonicNs();
  std::optional<int64_t> next_ns;
  for (const auto& [id, slot] : slots_) {
    if (slot->settled || !slot->due_ns) continue;
    if (*slot->due_ns <= now_ns) {
      slot->Settle(Error(ErrorCode::kRequestTimeOut, "{} has not answered within {} s.", stream_->peer(),
                         std::chrono::duration_cast<std::chrono::seconds>(slot->limit).count()));
    } else {
      next_ns = std::min(next_ns.value_or(*slot->due_ns), *slot->due_ns);
    }
  }
  if (next_ns) Watch(*next_ns);
}

runtime::Task<> Channel::Stop() {
  watch_.Cancel();
  stream_->Close();
  co_await reading_.Close(stream_->executor());
}

runtime::Task<> Channel::ReadAll() {
  const runtime::Gate::Holder in(reading_);
  while (true) {
    auto frame = co_await ReadFrame();
    if (!frame.ok()) {
      Fail(frame.status());
      co_return;
    }
    const auto response = wire::DecodeResponse(frame->view());
    if (!response.ok()) {
      Fail(response.status());
      co_return;
    }
    // Nobody waits for an answer that came too late.
    if (const auto found = slots_.find(response->id); found != slots_.end()) found->second->Settle(std::move(*frame));
  }
}

runtime::Task<arrow::Result<Bytes>> Channel::ReadFrame() {
  uint8_t head[wire::kLengthBytes];
  TW_CO_RETURN_NOT_OK(co_await ReadExactly(head));
  const auto length = LoadBig<int32_t>(head);
  if (length <= 0 || static_cast<size_t>(length) > kAnswerBytesMax) {
    co_return Error(ErrorCode::kNetwork, "{} announces an answer of {} bytes: is that a Fluss server?", stream_->peer(),
                    length);
  }
  auto frame = std::make_shared<Buffer>(static_cast<size_t>(length));
  TW_CO_RETURN_NOT_OK(co_await ReadExactly(frame->view()));
  co_return Bytes(std::shared_ptr<const Buffer>(std::move(frame)));
}

runtime::Task<arrow::Status> Channel::ReadExactly(MutableByteView into) {
  while (!into.empty()) {
    if (!unused_.empty()) {
      const ByteView taken = unused_.first(std::min(unused_.size(), into.size()));
      std::ranges::copy(taken, into.begin());
      unused_ = unused_.subspan(taken.size());
      into = into.subspan(taken.size());
      continue;
    }
    // What is smaller comes with whatever stands behind it: a length and its answer in one call of the kernel.
    const bool is_small = into.size() < kAheadBytes;
    TW_CO_ASSIGN_OR_RETURN(const size_t got, co_await stream_->Read(is_small ? ahead_.view() : into));
    if (got == 0) co_return Error(ErrorCode::kNetwork, "{} has closed the connection.", stream_->peer());
    if (is_small) {
      unused_ = ByteView(ahead_.data(), got);
    } else {
      into = into.subspan(got);
    }
  }
  co_return arrow::Status::OK();
}

void Channel::Fail(arrow::Status status) {
  if (failure_.ok()) failure_ = std::move(status);
  for (const auto& [id, slot] : slots_) slot->Settle(failure_);
  stream_->Close();
}

}  // namespace thalweg::client
