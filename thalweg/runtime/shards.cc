#include "thalweg/runtime/shards.h"

#include "thalweg/base/check.h"
#include "thalweg/runtime/asio_internal.h"
#include "thalweg/runtime/shard_internal.h"

namespace thalweg::runtime {

Shards::Shards() = default;

std::unique_ptr<Shards> Shards::Start(size_t count) {
  TW_CHECK(count >= 1);
  std::unique_ptr<Shards> shards(new Shards);
  for (size_t i = 0; i < count; ++i) {
    shards->shards_.push_back(std::make_unique<Shard>());
    shards->shards_.back()->Start(i);
  }
  return shards;
}

Shards::~Shards() { Stop(); }

void Shards::Stop() {
  for (auto& shard : shards_) shard->Join();
  for (auto& shard : shards_) shard->DropWork();
}

Executor& Shards::at(size_t index) {
  TW_CHECK(index < shards_.size());
  return *shards_[index];
}

asio::io_context& IoContextOf(Executor& shard) {
  auto* found = dynamic_cast<Shard*>(&shard);
  TW_CHECK(found != nullptr);
  return found->io();
}

}  // namespace thalweg::runtime
