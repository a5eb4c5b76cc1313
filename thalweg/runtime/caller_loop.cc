#include "thalweg/runtime/caller_loop.h"

#include "thalweg/runtime/shard_internal.h"

namespace thalweg::runtime {

CallerLoop::CallerLoop() : shard_(std::make_unique<Shard>()) {}

CallerLoop::~CallerLoop() { shard_->DropWork(); }

Executor& CallerLoop::executor() { return *shard_; }

void CallerLoop::Drive(Task<void> task) { shard_->Drive(std::move(task)); }

}  // namespace thalweg::runtime
