#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "arrow/status.h"
#include "thalweg/io/file_system.h"
#include "thalweg/runtime/executor.h"

namespace thalweg::tablet {

struct DiskReserveOptions {
  uint64_t bytes = 0;                ///< kept free; 0: nothing is measured and nothing refused
  int64_t measure_ns = 500'000'000;  ///< between two looks at the device
  /// While nothing is taken: how late a writer may learn that there is room again.
  int64_t measure_low_ns = 100'000'000;
  /// A device that says it is full although it has free bytes is believed for so long after it last said so.
  int64_t believe_ns = 10'000'000'000;
};

/// Keeps a device from filling up: new data are refused while what is free, less what was accepted and is not in files yet,
/// is not more than the reserve. The reserve is for what has to be written all the same: acknowledged records, the catalog,
/// checkpoints. Once room is back (an eighth of the reserve more than it), data are taken again.
///
/// Between two measurements what is taken counts as written, so a fast writer does not overrun it. A device that says it is
/// full although it has free bytes (a quota, no inodes) is believed, until a write of acknowledged records succeeds, something
/// is removed, or nothing has been refused for a while: what it refused may have been dropped, and never be tried again.
///
/// Thread safety: all calls; Start and Stop once each. Take and Check do not wait.
class DiskReserve {
 public:
  struct Hooks {
    /// Bytes that are accepted and not in files yet.
    std::function<uint64_t()> owed;
    /// After each measurement, with whether data are taken. On the pool.
    std::function<void(bool takes)> measured;
    /// For a person.
    std::function<void(std::string)> report;
  };

  DiskReserve(io::FileSystem& fs, std::string directory, const DiskReserveOptions& options, Hooks hooks);
  ~DiskReserve();

  /// Measures now, which blocks, and from then on again and again on `pool`, which outlives the work that it has.
  void Start(runtime::Executor& pool);
  /// Waits for a measurement that is under way; there is no other after it.
  void Stop();

  /// Accepts `bytes` of new data. DISK_WRITE_LOCKED, nothing taken, where the reserve would be touched.
  arrow::Status Take(uint64_t bytes);
  /// As Take, for what can also do without, where there is room for `room_min`: a refusal is not counted, and is no sign of a
  /// full device.
  bool TakeIfRoom(uint64_t bytes, uint64_t room_min = 0);
  /// Whether anything could be taken.
  arrow::Status Check() const;
  /// Looks at the device now. Blocks.
  void MeasureNow();

  /// The device refused acknowledged records for want of space.
  void NoteFull();
  /// It took some.
  void NoteWritten();
  /// Files were removed. Looks at the device; blocks.
  void NoteRemoved();

  uint64_t reserve_bytes() const;
  /// As last measured; 0 where nothing is.
  uint64_t free_bytes() const;
  bool low() const;
  /// How often Take has refused.
  uint64_t refusals() const;

 private:
  struct State;
  const std::shared_ptr<State> state_;  ///< outlives us in work that is posted
};

}  // namespace thalweg::tablet
