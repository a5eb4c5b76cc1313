#pragma once

#include <string>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/ids.h"
#include "thalweg/io/file_system.h"

namespace thalweg::log {

/// Renames the segment files and statistics of `entries` (the folder's content) whose base offset is at or beyond `from`
/// to `*.suspect` (with `discard` removes them) and removes their indexes, newest first. True where anything was changed;
/// the folder still has to be synced.
arrow::Result<bool> SetAsideFrom(io::FileSystem& fs, const std::string& dir, const std::vector<io::Entry>& entries,
                                 LogOffset from, bool discard);

/// Renames as SetAsideFrom the one segment with base offset `base`. Adds a line a file to `findings`.
arrow::Result<bool> SetAside(io::FileSystem& fs, const std::string& dir, const std::vector<io::Entry>& entries,
                             LogOffset base, std::vector<std::string>* findings);

}  // namespace thalweg::log
