#pragma once

#include <asio/ip/tcp.hpp>
#include <memory>

#include "thalweg/net/stream.h"
#include "thalweg/runtime/executor.h"

namespace thalweg::net {

/// A stream over a connected socket whose event loop is that of `shard`. Called on the shard.
std::unique_ptr<Stream> MakeTcpStream(runtime::Executor& shard, asio::ip::tcp::socket socket);

}  // namespace thalweg::net
