#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "arrow/result.h"
#include "thalweg/io/file_system.h"

namespace thalweg::app {

/// A data directory that this process has for itself: "version" names the layout, "lock" is held while we live.
/// STORAGE where another process holds it (the message names its pid); UNSUPPORTED_VERSION where a newer Thalweg has written
/// it, or it holds other things than ours: nothing is touched then.
arrow::Result<std::unique_ptr<io::FileSystem::Lock>> ClaimDataDirectory(io::FileSystem& fs, const std::string& path);

/// UNSUPPORTED_VERSION unless `content`, that of `path`/version, names a layout that this version knows.
arrow::Status CheckDataVersion(const std::string& path, std::string_view content);

}  // namespace thalweg::app
