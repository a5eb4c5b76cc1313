#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/bytes.h"
#include "thalweg/kv/row_batch.h"
#include "thalweg/kv/state_meta.h"

namespace thalweg::kv {

/// A row put under its key, or taken away where `value` is absent.
struct RowChange {
  ByteView key;
  std::optional<ByteView> value;
};

/// Rows in the order of their keys' bytes (unsigned), one at a time.
///
///   while (cursor.Valid()) { Use(cursor.key(), cursor.value()); cursor.Next(); }
///   ARROW_RETURN_NOT_OK(cursor.status());
///
/// Thread safety: none, but another thread may go on with it.
class RowCursor {
 public:
  virtual ~RowCursor() = default;
  /// False at the end and after an error: ask status().
  virtual bool Valid() const = 0;
  /// Both valid until Next.
  virtual ByteView key() const = 0;
  virtual ByteView value() const = 0;
  virtual void Next() = 0;
  virtual arrow::Status status() const = 0;
};

/// The rows as they were at one moment. Holds memory, and files that would otherwise be gone: let go of it early.
/// Thread safety: all calls.
class StateSnapshot {
 public:
  virtual ~StateSnapshot() = default;
  virtual const StateMeta& meta() const = 0;
  /// The rows whose keys begin with `prefix`; all where it is empty. The snapshot must outlive the cursor.
  virtual std::unique_ptr<RowCursor> Scan(ByteView prefix) const = 0;
  /// Of memory for rows that this may keep from being freed. It may grow: what is written later may stand beside them.
  virtual int64_t held_bytes() const { return 0; }
};

/// One file of a state on disk.
struct StateFile {
  std::string name;  ///< without a folder, as it must be called beside the others
  uint64_t bytes = 0;
  /// Never changes under this name in this lineage (StateFiles): one copy serves all later snapshots.
  bool shared = false;
  /// Where the bytes stand, of which the first `bytes` count; empty where `content` has them.
  std::string path;
  std::string content;
};

/// The files that make up a state as it was at its last flush. They stay until this goes away.
/// Thread safety: all calls.
class StateFiles {
 public:
  virtual ~StateFiles() = default;
  /// Of the rows in the files.
  virtual const StateMeta& meta() const = 0;
  /// A state that is dropped and made again has another one, though its files may be called the same.
  virtual const std::string& lineage() const = 0;
  virtual const std::vector<StateFile>& files() const = 0;
};

/// The current rows of one bucket, on disk, by key: what the bucket's changelog adds up to, as far as it has been applied.
///
/// Applied is not durable: a crash takes the state back to the last Flush, rows and meta together, and whoever owns it
/// applies the changelog from meta().applied again. That is why changes need no log of their own here, and why a row may only
/// depend on the changelog.
///
/// Errors: KV_STORAGE, or DISK_WRITE_LOCKED where the device is full. A failed Apply has changed nothing that can be seen. A failed
/// Flush says nothing about what is durable; calling again is allowed. After an error of a write the state may refuse
/// writes until it is opened again.
///
/// Invariants:
///  1. Rows and meta of every snapshot, and of every state that a crash leaves, are those after some Apply.
///  2. A value is never empty-handed: a key is absent, or has the value of the last Apply that named it.
/// Thread safety: all calls, but one Apply at a time. All calls block.
class StateStore {
 public:
  virtual ~StateStore() = default;

  /// Fills what `rows`, one for each key, does not know yet.
  virtual arrow::Status MultiGet(std::span<const ByteView> keys, RowBatch* rows) = 0;

  /// All changes and the meta in one step. `changes` ascend by key, no key twice.
  virtual arrow::Status Apply(std::span<const RowChange> changes, const StateMeta& meta) = 0;
  /// Of the last Apply; of the last Flush after opening.
  virtual StateMeta meta() const = 0;

  virtual arrow::Result<std::unique_ptr<StateSnapshot>> TakeSnapshot() = 0;

  /// Makes all that was applied durable.
  virtual arrow::Status Flush() = 0;
  /// Flushes, and holds the files. No Apply may run meanwhile.
  virtual arrow::Result<std::unique_ptr<StateFiles>> HoldFiles() = 0;
};

/// One value; nothing where the key is absent. For tests and rare uses: MultiGet costs no allocation.
arrow::Result<std::optional<std::string>> Get(StateStore& store, ByteView key);

}  // namespace thalweg::kv
