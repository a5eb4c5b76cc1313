#pragma once

#include <cstdint>

#include "arrow/result.h"
#include "thalweg/runtime/task.h"
#include "thalweg/service/call.h"

namespace thalweg::service {

/// Takes memory for an answer that may hold `bytes` of records, before they are read; how many may be read now, which is
/// less where one answer would take more than its share. It is held until the answer is sent; what the answer does not need is
/// given back when it is there. Waits while clients that do not read their answers hold all of it: their connections are
/// closed before long. REQUEST_TIME_OUT where that does not help in time.
runtime::Task<arrow::Result<uint64_t>> TakeAnswerMemory(const Call& call, uint64_t bytes);

/// The same where there is no need to wait: the bytes that may be read now, or 0.
uint64_t TryTakeAnswerMemory(const Call& call, uint64_t bytes);

}  // namespace thalweg::service
