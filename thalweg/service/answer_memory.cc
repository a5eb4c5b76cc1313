#include "thalweg/service/answer_memory.h"

#include <algorithm>

#include "thalweg/base/error.h"
#include "thalweg/service/services.h"

namespace thalweg::service {
namespace {

constexpr auto kTryEvery = std::chrono::milliseconds(10);
// No answer takes more than this share of what there is for all.
constexpr int64_t kShareOfOne = 8;

}  // namespace

uint64_t TryTakeAnswerMemory(const Call& call, uint64_t bytes) {
  const int64_t take = std::min<int64_t>(static_cast<int64_t>(std::min<uint64_t>(bytes, INT64_MAX)),
                                         std::max<int64_t>(call.answers.limit() / kShareOfOne, 1));
  if (!call.answers.TryAcquire(take)) return 0;
  call.answer_memory = runtime::ByteBudget::Hold(call.answers, take);
  return static_cast<uint64_t>(take);
}

runtime::Task<arrow::Result<uint64_t>> TakeAnswerMemory(const Call& call, uint64_t bytes) {
  // Not in the budget's own line: who waits there has to be served before the server can go away.
  const int64_t until_ns = call.services.clock.MonotonicNs() + call.services.limits.answer_wait_ms_max * 1'000'000;
  while (true) {
    if (const uint64_t taken = TryTakeAnswerMemory(call, bytes); taken > 0 || bytes == 0) co_return taken;
    if (call.services.clock.MonotonicNs() > until_ns) {
      co_return Error(ErrorCode::kRequestTimeOut,
                      "All memory for answers is taken by clients that do not read theirs. Retry.");
    }
    co_await runtime::Sleep(call.home, kTryEvery);
  }
}

}  // namespace thalweg::service
