#pragma once

#include <chrono>
#include <memory>

#include "arrow/result.h"
#include "thalweg/net/listener.h"
#include "thalweg/net/stream.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/shards.h"
#include "thalweg/runtime/task.h"

namespace thalweg::net {

/// Listens on `address` and hands the connections to `shards` in turn. Blocks while a host name is looked up. The listener
/// must end before `shards`; its Stop may be called from anywhere but `on_stream`.
/// Errors: kInvalidConfig where the address is in use, not of this machine, not allowed or unknown; the message names it.
arrow::Result<std::unique_ptr<Listener>> ListenTcp(runtime::Shards& shards, const Address& address,
                                                   Listener::OnStream on_stream);

/// For a listener that is not ours to open, and does not say what is wrong: whether nobody listens on `address` and we may. The address as digits. Blocks while a host name is looked up. The errors of ListenTcp, which tell
/// of `option` as the one that chooses another port.
arrow::Result<Address> CheckFree(const Address& address, std::string_view option);

/// Connects from `shard`, an executor of Shards, trying each address that the host name stands for.
/// Errors: kNetwork.
runtime::Task<arrow::Result<std::unique_ptr<Stream>>> ConnectTcp(runtime::Executor& shard, Address address,
                                                                 runtime::Nanos timeout = std::chrono::seconds(10));

}  // namespace thalweg::net
