#include "thalweg/client/channel.h"

#include <utility>
#include <vector>

#include "thalweg/base/check.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/runtime/timer.h"
#include "thalweg/wire/frame.h"

namespace thalweg::client {

Channel::Channel(std::unique_ptr<net::Stream> stream) : stream_(std::move(stream)) {
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
  runtime::Timer timer(stream_->executor());
  timer.Arm(limit, [slot, limit, peer = stream_->peer()] {
    slot->Settle(Error(ErrorCode::kRequestTimeOut, "{} has not answered within {} s.", peer,
                       std::chrono::duration_cast<std::chrono::seconds>(limit).count()));
  });
  auto answer = co_await slot->done.Wait(stream_->executor());
  slots_.erase(id);
  co_return answer;
}

runtime::Task<> Channel::Stop() {
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
    TW_CO_ASSIGN_OR_RETURN(const size_t got, co_await stream_->Read(into));
    if (got == 0) co_return Error(ErrorCode::kNetwork, "{} has closed the connection.", stream_->peer());
    into = into.subspan(got);
  }
  co_return arrow::Status::OK();
}

void Channel::Fail(arrow::Status status) {
  if (failure_.ok()) failure_ = std::move(status);
  for (const auto& [id, slot] : slots_) slot->Settle(failure_);
  stream_->Close();
}

}  // namespace thalweg::client
