#include "thalweg/io/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "thalweg/base/error.h"
#include "thalweg/io/posix_error_internal.h"

namespace thalweg::io {

arrow::Result<size_t> ReadStandardInput(MutableByteView into) {
  while (true) {
    const ssize_t got = ::read(STDIN_FILENO, into.data(), into.size());
    if (got >= 0) return static_cast<size_t>(got);
    if (errno != EINTR) return ErrnoError(errno, "read", "standard input");
  }
}

arrow::Result<bool> WriteStandardOutput(ByteView data) {
  while (!data.empty()) {
    const ssize_t put = ::write(STDOUT_FILENO, data.data(), data.size());
    if (put >= 0) {
      data = data.subspan(static_cast<size_t>(put));
    } else if (errno == EPIPE) {
      return false;
    } else if (errno != EINTR) {
      return ErrnoError(errno, "write to", "standard output");
    }
  }
  return true;
}

bool IsTerminal(StandardStream stream) { return ::isatty(static_cast<int>(stream)) == 1; }

size_t TerminalColumns(StandardStream stream) {
  struct winsize size{};
  if (!IsTerminal(stream) || ::ioctl(static_cast<int>(stream), TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

}  // namespace thalweg::io
