#include <cerrno>
#include <system_error>

#include "thalweg/base/error.h"
#include "thalweg/io/posix_error_internal.h"

namespace thalweg::io {

arrow::Status ErrnoError(int error, std::string_view doing, const std::string& path) {
  const std::string reason = std::generic_category().message(error);
  if (error == ENOSPC || error == EDQUOT) {
    return Error(ErrorCode::kDiskWriteLocked,
                 "Cannot {} {}: {}. Free space on that device or give the server another one.", doing, path, reason);
  }
  return Error(ErrorCode::kStorage, "Cannot {} {}: {}.", doing, path, reason);
}

}  // namespace thalweg::io
