#pragma once

#include <asio/io_context.hpp>

#include "thalweg/runtime/executor.h"

namespace thalweg::runtime {

/// The event loop behind a shard, for `runtime` and `net` only: no other folder may know Asio. Dies where `shard` is
/// not an executor of Shards or of a CallerLoop. Handlers of the loop run on the shard's thread.
asio::io_context& IoContextOf(Executor& shard);

}  // namespace thalweg::runtime
