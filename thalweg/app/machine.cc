#include "thalweg/app/machine.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <thread>

#include "fmt/format.h"
#include "thalweg/runtime/clock.h"

namespace thalweg::app {
namespace {

constexpr size_t kBlockBytes = 4096;
constexpr size_t kTimedWrites = 5;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

struct KnownFileSystem {
  const char* name;
  bool in_memory = false;
  bool over_network = false;
};

// The numbers are those of statfs(2).
const std::map<int64_t, KnownFileSystem>& KnownFileSystems() {
  static const std::map<int64_t, KnownFileSystem> known{{0xEF53, {"ext4"}},
                                                        {0x58465342, {"xfs"}},
                                                        {0x9123683E, {"btrfs"}},
                                                        {0x2FC12FC1, {"zfs"}},
                                                        {0xF2F52010, {"f2fs"}},
                                                        {0x794C7630, {"overlay"}},
                                                        {0x01021994, {"tmpfs", true}},
                                                        {0x858458F6, {"ramfs", true}},
                                                        {0x65735546, {"fuse"}},
                                                        {0x6969, {"nfs", false, true}},
                                                        {0xFF534D42, {"cifs", false, true}},
                                                        {0xFE534D42, {"smb2", false, true}},
                                                        {0x00C36400, {"ceph", false, true}},
                                                        {0x01021997, {"9p", false, true}}};
  return known;
}

std::optional<std::string> ReadText(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The first number in a text.
std::optional<uint64_t> NumberIn(const std::string& text) {
  const size_t at = text.find_first_of("0123456789");
  if (at == std::string::npos) return std::nullopt;
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

void LookAtFileSystem(Machine& machine) {
  struct statfs kind{};
  if (::statfs(machine.directory.c_str(), &kind) == 0) {
    const auto found = KnownFileSystems().find(static_cast<uint32_t>(kind.f_type));
    if (found == KnownFileSystems().end()) {
      machine.file_system = fmt::format("0x{:x}", static_cast<uint32_t>(kind.f_type));
    } else {
      machine.file_system = found->second.name;
      machine.in_memory = found->second.in_memory;
      machine.over_network = found->second.over_network;
    }
  }
  struct statvfs space{};
  if (::statvfs(machine.directory.c_str(), &space) == 0) {
    machine.free_bytes = uint64_t{space.f_bavail} * space.f_frsize;
    machine.total_bytes = uint64_t{space.f_blocks} * space.f_frsize;
  }
  machine.writable = ::access(machine.directory.c_str(), W_OK | X_OK) == 0;
}

void TimeSyncedWrites(Machine& machine) {
  const Descriptor direct(::open(machine.directory.c_str(), O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, 0600));
  if (direct.get() >= 0) {
    machine.direct_writes = true;
  } else if (errno == EINVAL) {
    machine.direct_writes = false;
  }
  const Descriptor file(::open(machine.directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file.get() < 0) return;
  const std::array<char, kBlockBytes> block{};
  std::array<double, kTimedWrites> times_ms{};
  for (double& time_ms : times_ms) {
    const int64_t began_ns = runtime::SystemClock().MonotonicNs();
    if (::pwrite(file.get(), block.data(), block.size(), 0) != static_cast<ssize_t>(block.size())) return;
    if (::fdatasync(file.get()) != 0) return;
    time_ms = static_cast<double>(runtime::SystemClock().MonotonicNs() - began_ns) / 1e6;
  }
  std::ranges::sort(times_ms);
  machine.synced_write_ms = times_ms[kTimedWrites / 2];
}

void LookAtData(const std::string& data, Machine& machine) {
  machine.version = ReadText(data + "/version");
  struct stat checkpoint{};
  if (::stat((data + "/checkpoint").c_str(), &checkpoint) == 0) {
    machine.data_changed_ms = checkpoint.st_mtim.tv_sec * int64_t{1000} + checkpoint.st_mtim.tv_nsec / 1'000'000;
  }
  const Descriptor lock(::open((data + "/lock").c_str(), O_RDONLY | O_CLOEXEC));
  if (lock.get() < 0) return;
  if (::flock(lock.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    std::string holder = ReadText(data + "/lock").value_or("");
    holder.erase(std::find_if(holder.begin(), holder.end(), [](char c) { return c < '0' || c > '9'; }), holder.end());
    machine.lock_holder = holder;
  }
}

void LookAtLimits(Machine& machine) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    machine.open_files_soft = files.rlim_cur;
    machine.open_files_hard = files.rlim_max;
  }
  if (const auto text = ReadText("/proc/meminfo")) {
    if (const auto kib = NumberIn(*text)) machine.memory_bytes = *kib * 1024;  // MemTotal is its first line
  }
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    const auto text = ReadText(path);
    const auto limit = text ? NumberIn(*text) : std::nullopt;  // "max": none
    if (limit && (!machine.memory_bytes || *limit < *machine.memory_bytes)) machine.memory_limit_bytes = limit;
  }
  machine.cores = std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

Machine LookAtMachine(const std::string& data_directory) {
  Machine machine;
  std::error_code ignored;
  std::filesystem::path path = std::filesystem::absolute(data_directory, ignored);
  machine.data_exists = std::filesystem::is_directory(path, ignored);
  while (!std::filesystem::exists(path, ignored) && path != path.root_path()) path = path.parent_path();
  machine.directory = path.string();
  LookAtFileSystem(machine);
  if (machine.writable) TimeSyncedWrites(machine);
  if (machine.data_exists) LookAtData(data_directory, machine);
  LookAtLimits(machine);
  machine.now_ms = runtime::SystemClock().WallMs();
  timex state{};
  const int clock = ::adjtimex(&state);
  if (clock >= 0) machine.clock_synchronised = clock != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
  return machine;
}

}  // namespace thalweg::app
