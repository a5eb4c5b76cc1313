#pragma once

namespace thalweg {

/// Prints where and what, then aborts. What only we can cause ends here; what a user can cause is a Status.
[[noreturn]] void CheckFailed(const char* file, int line, const char* expression);

}  // namespace thalweg

/// Stays on in release builds.
#define TW_CHECK(condition) \
  do { \
    if (!(condition)) [[unlikely]] \
      ::thalweg::CheckFailed(__FILE__, __LINE__, #condition); \
  } while (false)
