#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "arrow/result.h"

namespace thalweg::app {

// The notations of values in thalweg.yaml, which are Fluss's. Every error is INVALID_CONFIG and quotes the value, so
// nothing here may read a secret.

/// "64mb", "1 gb", "4096": bytes.
arrow::Result<uint64_t> ParseBytes(const std::string& text);
/// As ParseBytes, within bounds that are given, and told, in MiB.
arrow::Result<uint64_t> ParseBytesWithin(const std::string& text, uint64_t mib_min, uint64_t mib_max);

/// "10min", "30 s", "500ms": a number and a unit. Not negative; whole milliseconds.
arrow::Result<std::chrono::milliseconds> ParseDuration(const std::string& text);
arrow::Result<std::chrono::milliseconds> ParseDurationWithin(const std::string& text, std::chrono::milliseconds min,
                                                             std::chrono::milliseconds max);

arrow::Result<int64_t> ParseNumber(const std::string& text, int64_t min, int64_t max);

/// What stands between `separator`s, without white space around it; nothing for what is empty.
std::vector<std::string> SplitList(const std::string& text, char separator);

}  // namespace thalweg::app
