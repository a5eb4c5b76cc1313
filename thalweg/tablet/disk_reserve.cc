#include "thalweg/tablet/disk_reserve.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"
#include "thalweg/base/error.h"

namespace thalweg::tablet {
namespace {

std::string Mebibytes(uint64_t bytes) { return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20)); }

}  // namespace

struct DiskReserve::State {
  State(io::FileSystem& disk, std::string where, const DiskReserveOptions& chosen, Hooks given)
      : fs(disk), directory(std::move(where)), options(chosen), hooks(std::move(given)) {}

  bool on() const { return options.bytes > 0; }
  /// What may still be taken, if the reserve is kept; negative where it is touched.
  int64_t Room() const { return room_at_zero.load(std::memory_order_relaxed) - taken.load(std::memory_order_relaxed); }

  void Measure() {
    std::lock_guard lock(mutex);
    if (stopped) return;
    // In this order: what moves on between these lines counts twice rather than not at all.
    const int64_t before = taken;
    const auto owed = static_cast<int64_t>(hooks.owed());
    const auto free = fs.FreeBytes(directory);
    if (!free.ok()) {
      // No reason to refuse anything: a device that is gone will say so itself.
      if (!std::exchange(told_unmeasured, true)) {
        hooks.report("The free space cannot be measured, so the reserve is not kept: " + free.status().message());
      }
      return;
    }
    free_bytes = *free;
    room_at_zero = static_cast<int64_t>(*free) - owed - static_cast<int64_t>(options.bytes) + before;
    const int64_t wanted = is_low ? static_cast<int64_t>(options.bytes / 8) : 0;
    const bool touched = Room() < wanted;
    if (touched) believed_ns = 0;  // what it says is no riddle then, and over with its cause
    SetLow(touched || believed_ns > 0);
    hooks.measured(!is_low);
  }

  void SetLow(bool now_low) {
    if (is_low.exchange(now_low) == now_low) return;
    hooks.report(
        now_low
            ? fmt::format("The device of {} has {} left, and {} are kept for what was acknowledged: nothing "
                          "new is taken until space is free. Reads go on.",
                          directory, Mebibytes(free_bytes), Mebibytes(options.bytes))
            : fmt::format("The device of {} has {} left: new data are taken again.", directory, Mebibytes(free_bytes)));
  }

  arrow::Status Refusal() const {
    return Error(
        ErrorCode::kDiskWriteLocked,
        "The disk is nearly full: {} are left on the device of {}, and thalweg.disk.reserve keeps {}. Nothing was "
        "written. Free space there or drop tables; writing goes on by itself.",
        Mebibytes(free_bytes), directory, Mebibytes(options.bytes));
  }

  io::FileSystem& fs;
  const std::string directory;
  const DiskReserveOptions options;
  const Hooks hooks;

  std::atomic<int64_t> taken{0};  ///< ever
  std::atomic<int64_t> room_at_zero{INT64_MAX};
  std::atomic<uint64_t> free_bytes{0};
  std::atomic<bool> is_low{false};
  std::atomic<int64_t> believed_ns{0};  ///< for how long yet the device's word counts more than its free bytes
  std::atomic<uint64_t> refusals{0};

  std::mutex mutex;  ///< held while measuring
  bool stopped = false;
  bool told_unmeasured = false;
};

DiskReserve::DiskReserve(io::FileSystem& fs, std::string directory, const DiskReserveOptions& options, Hooks hooks)
    : state_(std::make_shared<State>(fs, std::move(directory), options, std::move(hooks))) {}

DiskReserve::~DiskReserve() { Stop(); }

void DiskReserve::Start(runtime::Executor& pool) {
  if (!state_->on()) return;
  state_->Measure();
  struct Again {
    static void Post(runtime::Executor& executor, const std::shared_ptr<State>& state) {
      const auto& options = state->options;
      const int64_t delay_ns =
          state->is_low ? std::min(options.measure_low_ns, options.measure_ns) : options.measure_ns;
      executor.PostAfter(runtime::Nanos(delay_ns), [&executor, weak = std::weak_ptr(state), delay_ns] {
        const auto held = weak.lock();
        if (!held) return;
        held->believed_ns -= std::min<int64_t>(held->believed_ns, delay_ns);
        held->Measure();
        {
          std::lock_guard lock(held->mutex);
          if (held->stopped) return;
        }
        Post(executor, held);
      });
    }
  };
  Again::Post(pool, state_);
}

void DiskReserve::Stop() {
  std::lock_guard lock(state_->mutex);
  state_->stopped = true;
}

arrow::Status DiskReserve::Take(uint64_t bytes) {
  if (TakeIfRoom(bytes)) return arrow::Status::OK();
  ++state_->refusals;
  state_->SetLow(true);
  return state_->Refusal();
}

bool DiskReserve::TakeIfRoom(uint64_t bytes, uint64_t room_min) {
  if (!state_->on()) return true;
  if (low() || state_->Room() < static_cast<int64_t>(std::max(bytes, room_min))) return false;
  state_->taken += static_cast<int64_t>(bytes);
  return true;
}

arrow::Status DiskReserve::Check() const { return low() ? state_->Refusal() : arrow::Status::OK(); }

void DiskReserve::NoteFull() {
  if (!state_->on()) return;
  state_->believed_ns = state_->options.believe_ns;
  state_->SetLow(true);
}

void DiskReserve::NoteWritten() { state_->believed_ns = 0; }

void DiskReserve::NoteRemoved() {
  state_->believed_ns = 0;
  MeasureNow();
}

void DiskReserve::MeasureNow() {
  if (state_->on()) state_->Measure();
}

uint64_t DiskReserve::reserve_bytes() const { return state_->options.bytes; }
uint64_t DiskReserve::free_bytes() const { return state_->free_bytes; }
bool DiskReserve::low() const { return state_->is_low; }
uint64_t DiskReserve::refusals() const { return state_->refusals; }

}  // namespace thalweg::tablet
