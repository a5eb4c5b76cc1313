#include "thalweg/runtime/machine_memory.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>

namespace thalweg::runtime {
namespace {

/// The number in a file of a control group. "max", a file that is not there and the like: no limit.
uint64_t LimitIn(const std::string& path) {
  std::ifstream file(path);
  uint64_t bytes = 0;
  return file >> bytes ? bytes : UINT64_MAX;
}

/// The least limit of the group `path` below `root` and those around it. In a container `path` may be as seen from outside, and
/// then it is not there: the root counts in any case.
uint64_t LeastLimit(const std::string& root, std::string path, const std::string& file) {
  uint64_t least = LimitIn(root + "/" + file);
  while (path.size() > 1) {
    least = std::min(least, LimitIn(root + path + "/" + file));
    path.resize(path.rfind('/'));
  }
  return least;
}

}  // namespace

uint64_t MachineMemoryBytes() {
  uint64_t bytes = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(::sysconf(_SC_PAGE_SIZE));
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    // "0::/path" is version 2, "4:memory:/path" version 1.
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string_view controllers = std::string_view(line).substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) bytes = std::min(bytes, LeastLimit("/sys/fs/cgroup", path, "memory.max"));
    if (controllers == "memory") {
      bytes = std::min(bytes, LeastLimit("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes"));
    }
  }
  return bytes;
}

}  // namespace thalweg::runtime
