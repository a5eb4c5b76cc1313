#pragma once

#include <string>
#include <string_view>

#include "arrow/status.h"

namespace thalweg::io {

/// The failure of one system call: kDiskWriteLocked where the device is full, kStorage otherwise. `doing` is a verb
/// such as "write".
arrow::Status ErrnoError(int error, std::string_view doing, const std::string& path);

}  // namespace thalweg::io
