#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "thalweg/journal/journal.h"
#include "thalweg/net/listener.h"

namespace thalweg::app {

/// What `thalweg serve` was asked to do. The defaults are a complete durable server.
struct ServeOptions {
  std::string data_directory = "./thalweg-data";
  net::Address listen{"127.0.0.1", 9123};
  std::optional<net::Address> flight = net::Address{"127.0.0.1", 9130};  ///< none: off
  std::optional<net::Address> http = net::Address{"127.0.0.1", 9140};
  size_t shards = 0;  ///< 0: one per core
  uint64_t journal_bytes = 1ull << 30;
  journal::Durability durability = journal::Durability::kSynced;
  uint64_t segment_bytes = 1ull << 30;
  int32_t default_bucket_count = 1;
};

/// Reads `text`, the content of a thalweg.yaml, over `options`. An unknown name is an error that tells the nearest known one.
arrow::Status ApplyConfig(const std::string& text, ServeOptions& options);

/// "64mb", "1 gb", "4096": bytes, in Fluss's notation.
arrow::Result<uint64_t> ParseBytes(const std::string& text);

}  // namespace thalweg::app
