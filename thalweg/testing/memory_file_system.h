#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "thalweg/io/file_system.h"
#include "thalweg/testing/power_loss.h"

namespace thalweg::testing {

/// What a caller asks of the disk. All but kRead are persistence operations: they are counted, and a crash falls
/// between two of them or into one.
enum class Operation : uint8_t {
  kRead,
  kCreate,  ///< Open that makes a file
  kWrite,   ///< WriteAt
  kWriteDurable,
  kSync,
  kWriteBack,
  kTruncate,  ///< File::Truncate, and Open with kTruncate of a file that is not empty
  kRename,
  kRemove,           ///< Remove; RemoveTree once for each file and folder
  kCreateDirectory,  ///< CreateDirectories once for each folder
  kSyncDirectory,
};

enum class Fault : uint8_t {
  kIoError,       ///< kStorage; nothing happened
  kNoSpace,       ///< kDiskWriteLocked; nothing happened
  kShortWrite,    ///< kDiskWriteLocked; the first half of the bytes was written (as kNoSpace where it is no write)
  kLoseUnsynced,  ///< kStorage; what the file had not synced stays readable, but no later Sync ever makes it durable
};

/// A disk in memory that knows for every byte and every name whether it is durable, and can be cut off at any
/// operation.
///
///   MemoryFileSystem disk;
///   disk.CrashAfter(17);                 // operations 1…17 happen, the 18th is in flight, nothing works from there on
///   RunTheProgram(disk);
///   auto after = disk.PowerCut(PowerLoss::kTorn, seed);
///   ReopenAndCheck(*after);
///
/// Stricter than any real file system: a new file's Sync does not make its name durable, SyncDirectory of its folder
/// does (and so on up to the root; the folders that exist at the start of a test are made by CreateDurableDirectories).
/// Deterministic: the same calls and seed give the same states. Paths are absolute or relative to the same root.
/// Thread safety: all calls. Files and locks may outlive the file system.
class MemoryFileSystem final : public io::FileSystem {
 public:
  MemoryFileSystem();
  ~MemoryFileSystem() override;

  arrow::Result<std::unique_ptr<io::File>> Open(const std::string& path, const io::OpenOptions& options) override;
  arrow::Status Rename(const std::string& from, const std::string& to) override;
  arrow::Status Remove(const std::string& path) override;
  arrow::Status RemoveTree(const std::string& path) override;
  arrow::Status CreateDirectories(const std::string& path) override;
  arrow::Status SyncDirectory(const std::string& path) override;
  arrow::Result<bool> Exists(const std::string& path) override;
  arrow::Result<std::vector<io::Entry>> List(const std::string& path) override;
  arrow::Result<uint64_t> FreeBytes(const std::string& path) override;
  arrow::Result<std::unique_ptr<Lock>> AcquireLock(const std::string& path) override;

  /// As CreateDirectories, durable and not counted.
  void CreateDurableDirectories(const std::string& path);

  /// How many persistence operations were asked for so far, failed ones included.
  uint64_t operations() const;
  /// The latest of them, such as "operation 17: sync data/journal/1".
  std::string DescribeLastOperation() const;

  /// Lets operations up to the `count`th of all (not from now) happen. The next one is cut off in flight: its caller
  /// gets an error, its bytes and names are left unsynced. Everything after it, reads included, fails.
  void CrashAfter(uint64_t count);
  bool crashed() const;

  /// The disk that a restarted machine (or with kKeepAll a restarted process) finds. This one is unchanged, and need
  /// not have crashed. Counts, faults and locks start anew.
  std::unique_ptr<MemoryFileSystem> PowerCut(PowerLoss loss, uint64_t seed = 0) const;

  /// Fails the `index`th persistence operation of all (from 1), once.
  void FailOperation(uint64_t index, Fault fault);
  /// Fails the next `times` operations of that kind on paths that contain `path_part`.
  void FailNext(Operation kind, const std::string& path_part, Fault fault, int times = 1);
  /// Writes that would make files longer than that in sum are short (kShortWrite). Unbounded at the start.
  void SetFreeBytes(uint64_t bytes);
  /// With true nothing is resident: ReadAtNoWait gives -1, IsResident false.
  void SetCold(bool cold);
  /// Flips the bits of `mask` in a byte that must exist, both as seen now and on the device. Not counted.
  void FlipBits(const std::string& path, uint64_t offset, uint8_t mask);

  /// Everything behind one mutex; shared with open files. Public for the implementation only.
  struct State;

 private:
  explicit MemoryFileSystem(std::shared_ptr<State> state);

  const std::shared_ptr<State> state_;
};

}  // namespace thalweg::testing
