#include "thalweg/journal/journal.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>
#include <utility>

#include "fmt/format.h"
#include "thalweg/base/check.h"
#include "thalweg/base/error.h"

namespace thalweg::journal {
namespace {

size_t PayloadBytes(const Entry& entry) { return entry.direct ? 0 : entry.batches.size() + entry.statistics.size(); }

size_t RecordBytesOf(const Entry& entry) { return RecordBytes(PayloadBytes(entry)); }

size_t BytesOf(const std::vector<Entry>& group) {
  size_t bytes = 0;
  for (const auto& entry : group) bytes += RecordBytesOf(entry);
  return bytes;
}

// So much memory for groups is kept while idle.
constexpr size_t kIdleGroupBytes = 256 << 10;
// No more unreadable ranges than this are saved at one start.
constexpr size_t kDamageKept = 64;

arrow::Status ClosingError() { return Error(ErrorCode::kStorage, "The server is shutting down."); }

}  // namespace

Journal::Journal(io::FileSystem& fs, const runtime::Clock& clock, runtime::Executor& thread, runtime::Executor& pool,
                 const JournalOptions& options, CommitSink& sink)
    : fs_(fs), clock_(clock), thread_(thread), pool_(pool), options_(options), sink_(sink), ring_(fs, options.ring) {}

Journal::~Journal() { TW_CHECK(in_flight_ == 0); }

arrow::Result<std::unique_ptr<Journal>> Journal::Open(io::FileSystem& fs, const runtime::Clock& clock,
                                                      runtime::Executor& thread, runtime::Executor& pool,
                                                      const JournalOptions& options, uint64_t from_sequence,
                                                      CommitSink& sink, const RecordVisitor& visitor) {
  std::unique_ptr<Journal> journal(new Journal(fs, clock, thread, pool, options, sink));
  ARROW_RETURN_NOT_OK(journal->Recover(from_sequence, visitor));
  return journal;
}

arrow::Status Journal::Recover(uint64_t from_sequence, const RecordVisitor& visitor) {
  const std::string& directory = options_.ring.directory;
  ARROW_RETURN_NOT_OK(fs_.CreateDirectories(directory));
  ARROW_RETURN_NOT_OK(fs_.SyncDirectory(io::ParentOf(directory)));
  ARROW_ASSIGN_OR_RAISE(FoundFiles found, FindFiles(fs_, options_.ring));
  // A crash may have come between the rename of a prepared file and this.
  ARROW_RETURN_NOT_OK(fs_.SyncDirectory(directory));
  ARROW_ASSIGN_OR_RAISE(ReplayResult replayed, Replay(found.used, from_sequence, visitor));
  for (const auto* damages : {&found.damage, &replayed.damage}) {
    for (const auto& damage : *damages) NoteDamage(damage);
  }
  // Of the last group it is not known whether it reached the device before the crash; it is about to become visible.
  if (!found.used.empty()) ARROW_RETURN_NOT_OK(found.used.back().file->Sync());
  // Only the fronts of files are known, and behind one whose last writes were lost there may be newer groups than it. The
  // clock keeps those of an earlier start from passing for what this one writes.
  epoch_ = std::max(found.epoch + 1, static_cast<uint64_t>(clock_.WallMs()));
  next_sequence_ = std::max(replayed.next_sequence, from_sequence);
  stats_.bytes_max = ring_.bytes_max();
  ring_.Adopt(std::move(found.used), std::move(found.free), found.next_number, epoch_);
  ring_.Release(from_sequence);
  if (!ring_.has_free()) {
    // Small even beside existing files: the start must not wait for 64 MiB of zeros.
    ARROW_ASSIGN_OR_RAISE(RingFile first, ring_.Prepare(ring_.ReserveFirst(), options_.ring.first_file_bytes));
    ring_.AddFree(std::move(first));
  }
  return arrow::Status::OK();
}

void Journal::NoteDamage(const Damage& damage) {
  damage_.push_back(damage.what);
  if (damage.until <= damage.from || damage_.size() > kDamageKept) return;
  // The file will be written over, so a copy is put aside. That it cannot be is no reason not to start.
  const auto copy = [&]() -> arrow::Status {
    AlignedMemory memory(AlignUp(damage.until - damage.from, io::kDirectAlignment) + io::kDirectAlignment);
    const uint64_t from = damage.from / io::kDirectAlignment * io::kDirectAlignment;
    ARROW_ASSIGN_OR_RAISE(const auto file, fs_.Open(damage.path, {.direct = options_.ring.direct}));
    ARROW_ASSIGN_OR_RAISE(const size_t got, file->ReadAt(from, {memory.data(), memory.size()}));
    const size_t count = std::min<size_t>(got, damage.until - from);
    return io::ReplaceFile(fs_, fmt::format("{}.{}.damaged", damage.path, from), ByteView(memory.data(), count));
  };
  if (const arrow::Status status = copy(); !status.ok()) {
    options_.report("A copy of what is damaged in the journal could not be kept: " + status.message());
  }
}

void Journal::Append(Entry entry) {
  arrow::Status refused;
  {
    std::lock_guard lock(mutex_);
    if (failure_.ok() && !closing_) {
      stats_.entry_bytes += entry.batches.size() + entry.statistics.size();
      queue_bytes_ += RecordBytesOf(entry);
      queue_.push_back(std::move(entry));
      if (!stalled_) ScheduleLocked(0);
      return;
    }
    refused = failure_.ok() ? ClosingError() : failure_;
  }
  std::vector<Entry> group;
  group.push_back(std::move(entry));
  sink_.Failed(std::move(group), refused);
}

void Journal::ScheduleLocked(int64_t delay_ns) {
  if (scheduled_) return;
  scheduled_ = true;
  ++in_flight_;
  auto run = [this] { RunOnce(); };
  if (delay_ns == 0) {
    thread_.Post(std::move(run));
  } else {
    thread_.PostAfter(runtime::Nanos(delay_ns), std::move(run));
  }
}

std::vector<Entry> Journal::TakeLocked() {
  std::vector<Entry> group = std::exchange(held_, {});
  size_t bytes = BytesOf(group);
  // A group that no file could take would wait for one that the device may have no room for.
  const uint64_t bytes_max = std::min(options_.group_bytes_max, ring_.group_bytes_max());
  while (!queue_.empty()) {
    const size_t more = RecordBytesOf(queue_.front());
    // What is large may turn out to go to its segment, so it does not count against the group.
    const bool may_divert = more >= options_.direct_bytes_min && !queue_.front().journal_only;
    if (!may_divert && !group.empty() && bytes + more > bytes_max) break;
    bytes += may_divert ? 0 : more;
    queue_bytes_ -= more;
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return group;
}

void Journal::PushFrontLocked(std::deque<Entry> entries) {
  for (const auto& entry : entries) queue_bytes_ += RecordBytesOf(entry);
  queue_.insert(queue_.begin(), std::make_move_iterator(entries.begin()), std::make_move_iterator(entries.end()));
}

std::vector<Entry> Journal::DivertLarge(std::vector<Entry> group) {
  if (lanes_.empty() && BytesOf(group) < options_.direct_bytes_min) return group;
  // Where the entries of one bucket go: never may one get ahead of another that came before it.
  struct Route {
    size_t bytes = 0;        // of those that may be written directly
    bool journaled = false;  // something is journaled with this group: a direct write would reach the segment before it
    bool later = false;      // the rest comes after this group
    std::vector<Entry> large;  // to be written directly,
    std::deque<Entry> behind;  // and what has to wait for that
  };
  std::unordered_map<TableBucket, Route> routes;
  for (const auto& entry : group) {
    if (!entry.direct && !entry.journal_only) routes[entry.bucket].bytes += PayloadBytes(entry);
  }
  std::vector<Entry> kept;
  std::deque<Entry> later;
  for (auto& entry : group) {
    Route& route = routes[entry.bucket];
    const bool large = !entry.journal_only && route.bytes >= options_.direct_bytes_min;
    if (entry.direct) {
      kept.push_back(std::move(entry));
    } else if (const auto lane = lanes_.find(entry.bucket); lane != lanes_.end()) {
      lane->second.waiting.push_back(std::move(entry));
    } else if (route.later || (large && route.journaled)) {
      route.later = true;
      later.push_back(std::move(entry));
    } else if (!route.behind.empty() || (!large && !route.large.empty())) {
      route.behind.push_back(std::move(entry));
    } else if (large) {
      route.large.push_back(std::move(entry));
    } else {
      route.journaled = true;
      kept.push_back(std::move(entry));
    }
  }
  if (!later.empty()) {
    std::lock_guard lock(mutex_);
    PushFrontLocked(std::move(later));
  }
  for (auto& [bucket, route] : routes) {
    if (!route.large.empty()) StartDirect(bucket, std::move(route.large), std::move(route.behind));
  }
  return kept;
}

void Journal::EndWorkLocked() {
  if (--in_flight_ == 0) idle_.notify_all();
}

void Journal::StartDirect(const TableBucket& bucket, std::vector<Entry> entries, std::deque<Entry> behind) {
  lanes_.emplace(bucket, Lane{.waiting = std::move(behind)});
  {
    std::lock_guard lock(mutex_);
    ++in_flight_;
  }
  sink_.WriteDirect(std::move(entries), [this](std::vector<Entry> written, arrow::Status status) {
    thread_.Post([this, written = std::move(written), status = std::move(status)]() mutable {
      DirectDone(std::move(written), status);
    });
  });
}

void Journal::DirectDone(std::vector<Entry> entries, const arrow::Status& status) {
  const auto lane = lanes_.find(entries.front().bucket);
  TW_CHECK(lane != lanes_.end());
  std::deque<Entry> back;
  for (auto& entry : entries) {
    entry.direct = status.ok();
    entry.journal_only = !status.ok();
    back.push_back(std::move(entry));
  }
  std::ranges::move(lane->second.waiting, std::back_inserter(back));
  lanes_.erase(lane);
  std::lock_guard lock(mutex_);
  for (const auto& entry : back) {
    if (entry.direct) stats_.direct_bytes += entry.batches.size() + entry.statistics.size();
  }
  // In front: what was queued behind them meanwhile is newer.
  PushFrontLocked(std::move(back));
  if (!stalled_ || closing_) ScheduleLocked(0);
  EndWorkLocked();
}

bool Journal::EnsureRoom(std::vector<Entry>& group, size_t bytes) {
  std::lock_guard lock(mutex_);
  RingFile* active = ring_.active();
  const bool fits = active && active->position + bytes <= active->bytes;
  if (fits || ring_.Rotate(next_sequence_, bytes)) {
    stalled_ = false;
    PrepareAheadLocked();
    return true;
  }
  if (!stalled_) ++stats_.ring_stalls;
  stalled_ = true;
  held_bytes_ = bytes;
  PrepareAheadLocked();
  // Released files and prepared ones bring RunOnce back; a closing journal waits for the latter only.
  if (!closing_ || preparing_) held_ = std::move(group);
  return false;
}

void Journal::PrepareAheadLocked() {
  const RingFile* active = ring_.active();
  const bool wanted = stalled_ || !active || active->position > active->bytes / 4;
  // A closing journal tries once: there may be no Release any more that another try could follow.
  if (preparing_ || (closing_ && prepare_failed_) || !wanted || (ring_.has_free() && !stalled_)) return;
  const auto next = ring_.ReserveNext();
  if (!next) return;
  const bool must = stalled_ && held_bytes_ > ring_.group_bytes_max();
  if (!must && !options_.may_grow(next->second)) {
    ring_.CancelReservation(next->second);
    return;
  }
  preparing_ = true;
  preparing_bytes_ = next->second;
  ++in_flight_;
  pool_.Post([this, number = next->first, bytes = next->second] {
    auto made = ring_.Prepare(number, bytes);
    if (!made.ok()) {
      options_.report("No further journal file could be made; appends may have to wait for one: " +
                      made.status().message());
    }
    std::lock_guard lock(mutex_);
    preparing_ = false;
    preparing_bytes_ = 0;
    prepare_failed_ = !made.ok();
    if (!prepare_failed_) {
      ring_.AddFree(std::move(made).ValueUnsafe());
    } else {
      // Not fatal: files come back by Release. Tried again with the next group.
      ring_.CancelReservation(bytes);
    }
    if (stalled_ && (!prepare_failed_ || closing_)) ScheduleLocked(0);
    EndWorkLocked();
  });
}

void Journal::RemoveSurplusLocked() {
  while (auto surplus = ring_.TakeSurplus()) {
    ++in_flight_;
    pool_.Post([this, path = std::move(surplus->path)] {
      // Should it come back, or stay, then as a free file of the next start.
      if (const arrow::Status status = fs_.Remove(path); !status.ok()) options_.report(status.message());
      std::lock_guard lock(mutex_);
      EndWorkLocked();
    });
  }
}

size_t Journal::BuildGroup(std::vector<Entry>& group) {
  const size_t bytes = AlignUp(BytesOf(group), kGroupAlignment);
  if (group_memory_.size() < bytes) group_memory_ = AlignedMemory(std::max(std::bit_ceil(bytes), kIdleGroupBytes));
  uint8_t* at = group_memory_.data();
  for (size_t i = 0; i < group.size(); ++i) {
    Entry& entry = group[i];
    const size_t payload = PayloadBytes(entry);
    uint8_t* to = at + kRecordHeaderBytes;
    if (!entry.direct) {
      to = std::ranges::copy(entry.batches.view(), to).out;
      to = std::ranges::copy(entry.statistics.view(), to).out;
    }
    entry.sequence = next_sequence_ + i;
    SealRecord({.length = static_cast<uint32_t>(payload),
                .epoch = epoch_,
                .sequence = entry.sequence,
                .bucket = entry.bucket,
                .kind = entry.direct ? RecordKind::kDescriptor : RecordKind::kBatches,
                .first_of_group = i == 0,
                .last_of_group = i + 1 == group.size(),
                .first = entry.first,
                .count = entry.count,
                .statistics_bytes = entry.direct ? 0 : static_cast<uint32_t>(entry.statistics.size())},
               at);
    uint8_t* next = at + RecordBytes(payload);
    std::fill(to, next, uint8_t{0});
    at = next;
  }
  std::fill(at, group_memory_.data() + bytes, uint8_t{0});
  return bytes;
}

arrow::Status Journal::WriteGroup(size_t bytes) {
  RingFile& active = *ring_.active();  // only this thread changes which file is active
  const ByteView group(group_memory_.data(), bytes);
  if (options_.durability == Durability::kPageCache) return active.file->WriteAt(active.position, {&group, 1});
  return active.file->WriteDurable(active.position, group);
}

void Journal::RunOnce() {
  std::vector<Entry> group;
  arrow::Status failed;
  {
    std::lock_guard lock(mutex_);
    scheduled_ = false;
    group = TakeLocked();
    failed = failure_;
  }
  if (!failed.ok()) {
    FailAll(failed, std::move(group));
  } else if (group.empty()) {
    if (group_memory_.size() > kIdleGroupBytes) group_memory_ = AlignedMemory();
  } else {
    group = DivertLarge(std::move(group));
    if (!group.empty()) Commit(std::move(group));
  }
  std::lock_guard lock(mutex_);
  EndWorkLocked();
}

void Journal::Commit(std::vector<Entry> group) {
  const size_t wanted = AlignUp(BytesOf(group), kGroupAlignment);
  if (wanted > options_.ring.file_bytes - kFileHeaderBytes) {
    FailAll(Error(ErrorCode::kStorage,
                  "{} bytes have to be journaled at once, more than a journal file holds ({}): a segment refused them.",
                  wanted, options_.ring.file_bytes),
            std::move(group));
    return;
  }
  if (!EnsureRoom(group, wanted)) {
    if (!group.empty()) FailAll(ClosingError(), std::move(group));
    return;
  }
  const int64_t start = clock_.MonotonicNs();
  const size_t bytes = BuildGroup(group);
  if (arrow::Status written = WriteGroup(bytes); !written.ok()) {
    FailAll(written, std::move(group));
  } else {
    Publish(std::move(group), bytes, clock_.MonotonicNs() - start);
  }
}

void Journal::Publish(std::vector<Entry> group, size_t bytes, int64_t sync_ns) {
  const size_t count = group.size();
  {
    std::lock_guard lock(mutex_);
    next_sequence_ += count;
    ring_.active()->position += bytes;
    ring_.active()->next_sequence = next_sequence_;
    ++stats_.groups;
    stats_.entries += count;
    stats_.device_bytes += bytes;
    stats_.sync_ns_total += static_cast<uint64_t>(sync_ns);
    stats_.sync_ns_average = stats_.sync_ns_average == 0 ? sync_ns : (7 * stats_.sync_ns_average + sync_ns) / 8;
    // Under load the next group may gather for about as long as a sync takes; an idle journal commits at once.
    if (!queue_.empty()) {
      const bool at_once = closing_ || queue_bytes_ >= options_.group_bytes_max;
      ScheduleLocked(at_once ? 0 : std::clamp(stats_.sync_ns_average, options_.window_ns_min, options_.window_ns_max));
    }
  }
  sink_.Committed(std::move(group));
}

void Journal::FailAll(const arrow::Status& why, std::vector<Entry> group) {
  {
    std::lock_guard lock(mutex_);
    if (failure_.ok()) failure_ = why;
    std::ranges::move(queue_, std::back_inserter(group));
    queue_.clear();
    queue_bytes_ = 0;
    stalled_ = false;
  }
  for (auto& [bucket, lane] : lanes_) {
    std::ranges::move(lane.waiting, std::back_inserter(group));
    lane.waiting.clear();
  }
  if (!group.empty()) sink_.Failed(std::move(group), why);
}

void Journal::Release(uint64_t sequence) {
  std::lock_guard lock(mutex_);
  ring_.Release(sequence);
  if (!closing_) RemoveSurplusLocked();
  // A held group may go on; an idle journal gives memory back.
  if (!closing_ && (stalled_ || queue_.empty())) ScheduleLocked(0);
}

void Journal::RetryGrowth() {
  std::lock_guard lock(mutex_);
  if (!stalled_ || closing_) return;
  PrepareAheadLocked();
  ScheduleLocked(0);
}

void Journal::BeginClose() {
  std::lock_guard lock(mutex_);
  if (closing_) return;
  closing_ = true;
  if (stalled_ || !queue_.empty()) ScheduleLocked(0);
}

void Journal::Close() {
  BeginClose();
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return in_flight_ == 0; });
}

arrow::Status Journal::ReadBack(const TableBucket& bucket, LogOffset from, const RecordVisitor& visitor) {
  std::vector<std::pair<std::string, RingFile>> files;
  {
    std::lock_guard lock(mutex_);
    auto note = [&](const RingFile& f) {
      files.emplace_back(f.path, RingFile{.path = f.path,
                                          .bytes = f.position,
                                          .start = f.start,
                                          .epoch = f.epoch,
                                          .first_sequence = f.first_sequence,
                                          .next_sequence = f.next_sequence});
    };
    for (const auto& file : ring_.full()) note(file);
    if (const RingFile* active = ring_.active()) note(*active);
  }
  for (auto& [path, file] : files) {
    ARROW_ASSIGN_OR_RAISE(file.file,
                          fs_.Open(path, {.mode = io::OpenOptions::Mode::kReadOnly, .direct = options_.ring.direct}));
    ARROW_RETURN_NOT_OK(
        VisitFile(file, file.first_sequence, file.next_sequence, [&](const RecordHeader& header, ByteView payload) {
          if (header.bucket != bucket || header.first + header.count <= from) return arrow::Status::OK();
          return visitor(header, payload);
        }));
  }
  return arrow::Status::OK();
}

JournalStats Journal::stats() const {
  std::lock_guard lock(mutex_);
  JournalStats stats = stats_;
  stats.live_bytes = ring_.live_bytes();
  return stats;
}

double Journal::pressure() const {
  std::lock_guard lock(mutex_);
  return static_cast<double>(ring_.live_bytes()) / static_cast<double>(ring_.bytes_max());
}

arrow::Status Journal::failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
}

uint64_t Journal::next_sequence() const {
  std::lock_guard lock(mutex_);
  return next_sequence_;
}

}  // namespace thalweg::journal
