#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "arrow/status.h"
#include "thalweg/app/serve_options.h"

namespace thalweg::app {

/// What a machine offers a server whose data lie in one directory. A value that cannot be found out is absent.
struct Machine {
  // Of the data directory, or of the folder that exists and will hold it.
  std::string directory;  ///< that was looked at
  bool data_exists = false;
  bool writable = false;
  std::string file_system;  ///< "ext4"; "0x…" for one without a name here
  bool in_memory = false;   ///< nothing outlives the machine's power
  bool over_network = false;
  std::optional<uint64_t> free_bytes, total_bytes;
  std::optional<bool> direct_writes;       ///< O_DIRECT
  std::optional<double> synced_write_ms;   ///< one of 4 KiB, the middle of several
  std::optional<std::string> lock_holder;  ///< pid of the server that runs there now; empty: not told
  std::optional<std::string> version;      ///< content of data/version
  std::optional<int64_t> data_changed_ms;  ///< when something was last checkpointed, by the wall clock of then

  uint64_t open_files_soft = 0, open_files_hard = 0;
  std::optional<uint64_t> memory_bytes;        ///< of the machine
  std::optional<uint64_t> memory_limit_bytes;  ///< of the control group, where there is one
  unsigned cores = 1;
  int64_t now_ms = 0;                      ///< wall clock
  std::optional<bool> clock_synchronised;  ///< by NTP or the like, as the kernel has been told

  std::optional<arrow::Status> remote_storage;  ///< whether objects can be written there; absent where there is none
};

/// Looks at this machine. Writes nothing that has a name: the write that is timed goes to a file that nobody sees and that
/// is gone at the end. Blocks for some milliseconds.
Machine LookAtMachine(const std::string& data_directory);

/// Whether objects can be written to the remote storage of `options`, and removed: tries it with one. None where there is none, or
/// it is a directory that does not exist yet. Blocks, for ten seconds where it does not answer.
std::optional<arrow::Status> LookAtRemoteStorage(const ServeOptions& options);

}  // namespace thalweg::app
