#include "thalweg/tablet/remote_reads.h"

#include <utility>

#include "fmt/format.h"
#include "thalweg/base/error.h"

namespace thalweg::tablet {
namespace {

constexpr auto kTryEvery = std::chrono::milliseconds(10);

}  // namespace

RemoteReads::RemoteReads(const runtime::Clock& clock, int64_t bytes_max, std::function<void(std::string)> report)
    : clock_(clock), report_(std::move(report)), budget_(std::make_shared<runtime::ByteBudget>(bytes_max)) {}

RemoteReads::~RemoteReads() = default;

Bytes RemoteReads::Pass::Hold(const Bytes& window) {
  struct Held {
    Bytes bytes;
    std::shared_ptr<runtime::ByteBudget> budget;  // outlives the hold
    runtime::ByteBudget::Hold hold;
  };
  hold_.Resize(static_cast<int64_t>(window.size()));
  const auto held = std::make_shared<Held>(window, budget_, std::move(hold_));
  return {held, window.view()};
}

arrow::Status RemoteReads::CheckAnswers(bool& probe) {
  std::lock_guard lock(mutex_);
  probe = silent_ && !probing_ && clock_.MonotonicNs() >= next_probe_ns_;
  if (probe) probing_ = true;
  if (!silent_ || probe) return arrow::Status::OK();
  return Error(ErrorCode::kStorage,
               "Remote storage does not answer, and what was asked for is only there. It is tried again now and then.");
}

runtime::Task<arrow::Result<RemoteReads::Pass>> RemoteReads::Enter(int64_t bytes, int64_t wait_ms_max,
                                                                   runtime::Executor& home) {
  const int64_t until_ns = clock_.MonotonicNs() + wait_ms_max * 1'000'000;
  Pass pass;
  // Not in the budget's own line: who waits there has to be served before this can go away.
  while (!budget_->TryAcquire(bytes)) {
    if (clock_.MonotonicNs() >= until_ns) {
      co_return Error(ErrorCode::kStorage,
                      "All memory for reads from remote storage ({} bytes) is taken. Retry, or raise "
                      "thalweg.memory.budget.",
                      budget_->limit());
    }
    co_await runtime::Sleep(home, kTryEvery);
  }
  pass.budget_ = budget_;
  pass.hold_ = runtime::ByteBudget::Hold(*budget_, bytes);
  TW_CO_RETURN_NOT_OK(CheckAnswers(pass.probe_));
  pass.began_ns_ = clock_.MonotonicNs();
  ++reads_;
  co_return pass;
}

void RemoteReads::Leave(const Pass& pass, const arrow::Status& status) {
  if (!status.ok()) ++failures_;
  const int64_t now_ns = clock_.MonotonicNs();
  const bool slow = CodeOf(status) == ErrorCode::kStorage && now_ns - pass.began_ns_ >= kSlowNs;
  bool changed = false;
  {
    std::lock_guard lock(mutex_);
    // Who began before the store was found silent and fails at once says nothing about it.
    if (slow || pass.probe_ || status.ok()) changed = std::exchange(silent_, slow) != slow;
    if (pass.probe_) probing_ = false;
    if (slow) next_probe_ns_ = now_ns + kPauseNs;
  }
  if (!changed) return;
  report_(slow ? "Remote storage does not answer. Reads of what is only there fail until it does: " + status.message()
               : "Remote storage answers again.");
}

}  // namespace thalweg::tablet
