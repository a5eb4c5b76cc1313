#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "thalweg/base/bytes.h"
#include "thalweg/testing/memory_content_internal.h"
#include "thalweg/testing/power_loss.h"

namespace thalweg::testing {

/// A change of a file's bytes that is visible but not durable yet.
struct PendingChange {
  enum class Kind : uint8_t { kWrite, kTruncate };
  Kind kind;
  uint64_t offset;    ///< of a truncation: the new size
  std::string bytes;  ///< of a write
};

/// A file or folder as it is seen now (live) and as a power cut at this moment would leave it at worst (durable).
/// Invariant: durable plus all pending changes, in order, is live, unless a failed sync made some be forgotten.
struct Inode {
  uint64_t id = 0;
  bool is_directory = false;

  MemoryContent live;
  MemoryContent durable;
  std::vector<PendingChange> pending;

  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  Names live_names;
  Names durable_names;

  void Write(uint64_t offset, ByteView data);
  void WriteDurable(uint64_t offset, ByteView data);
  void Truncate(uint64_t size);
  void Sync();
};

/// A created (no `from`), removed (no `to`) or renamed name that is visible but not durable yet.
struct NameChange {
  std::shared_ptr<Inode> from_folder;
  std::string from;
  std::shared_ptr<Inode> to_folder;
  std::string to;
  std::shared_ptr<Inode> node;
};

/// A tree of inodes with the name changes that nobody synced. Knows nothing of counting, faults and threads.
class MemoryDisk {
 public:
  MemoryDisk();

  /// nullptr where there is none.
  std::shared_ptr<Inode> Find(const std::string& path) const;
  /// The folder that holds the last part of `path`, which goes to `name`; nullptr where that folder is missing.
  std::shared_ptr<Inode> FindFolderOf(const std::string& path, std::string& name) const;

  std::shared_ptr<Inode> Create(const std::shared_ptr<Inode>& folder, const std::string& name, bool is_directory);
  /// The name must exist.
  void Remove(const std::shared_ptr<Inode>& folder, const std::string& name);
  /// `from` must exist.
  void Rename(const std::shared_ptr<Inode>& from_folder, const std::string& from,
              const std::shared_ptr<Inode>& to_folder, const std::string& to);
  /// Makes the changes of names in `folder` durable, and those elsewhere that they stand on.
  void SyncNames(const std::shared_ptr<Inode>& folder);

  /// A disk of its own, in one of the states that `loss` allows; the same seed gives the same one.
  MemoryDisk AfterCrash(PowerLoss loss, uint64_t seed) const;

 private:
  MemoryDisk Clone(std::vector<std::shared_ptr<Inode>>& nodes) const;

  std::shared_ptr<Inode> root_;
  uint64_t next_id_ = 1;
  std::vector<NameChange> name_changes_;
};

/// The parts of a path between slashes, without "." ones.
std::vector<std::string> PathParts(const std::string& path);

}  // namespace thalweg::testing
