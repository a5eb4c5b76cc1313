#include "thalweg/tablet/bucket_store.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "fmt/format.h"
#include "thalweg/base/check.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/tablet/remote_drops.h"
#include "thalweg/tablet/set_aside.h"

namespace thalweg::tablet {
namespace {

// Replayed batches are gathered to this many bytes before they are written.
constexpr uint64_t kRecoveryWriteBytes = 1 << 20;

}  // namespace

std::string TableDirectory(const std::string& directory, TableId table) {
  return fmt::format("{}/t{}", directory, table);
}

std::string BucketDirectory(const std::string& directory, const TableBucket& bucket) {
  const std::string table = TableDirectory(directory, bucket.table);
  if (bucket.partition == kNoPartition) return fmt::format("{}/b{}", table, bucket.bucket);
  return fmt::format("{}/p{}/b{}", table, bucket.partition, bucket.bucket);
}

arrow::Result<std::vector<log::LogBatch>> SplitEntry(const Bytes& batches, const Bytes& statistics) {
  std::vector<log::LogBatch> split;
  size_t at = 0;
  size_t statistics_at = 0;
  while (at < batches.size()) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, format::ParseBatch(batches.view().subspan(at)));
    log::LogBatch one{.batch = batches.Slice(at, batch.bytes.size())};
    if (!statistics.empty()) {
      if (statistics.size() - statistics_at < 4) return Error(ErrorCode::kCorruptRecord, "Statistics end too early.");
      const auto length = LoadLittle<uint32_t>(statistics.data() + statistics_at);
      statistics_at += 4;
      if (statistics.size() - statistics_at < length)
        return Error(ErrorCode::kCorruptRecord, "Statistics end too early.");
      one.statistics = statistics.Slice(statistics_at, length);
      statistics_at += length;
    }
    at += batch.bytes.size();
    split.push_back(std::move(one));
  }
  return split;
}

BucketStore::BucketStore(const TableBucket& bucket, StoreEnvironment& environment,
                         std::optional<log::RecoveryPoint> known)
    : bucket_(bucket), environment_(environment), synced_(std::move(known)) {
  if (synced_) checkpointed_segment_ = synced_->segment;
}

arrow::Status BucketStore::Open() {
  std::lock_guard writing(write_mutex_);
  return OpenLocked();
}

arrow::Result<BucketStore::Recovered> BucketStore::TakeRecovered() {
  std::lock_guard writing(write_mutex_);
  ARROW_RETURN_NOT_OK(OpenLocked());
  TW_CHECK(recovered_.has_value());
  if (log_->last_point().end < InFilesAlone()) {
    // A killed process may have left it in the page cache only, and it is about to be seen, and acknowledged if sent again.
    const auto point =
        needs_rebuild_ ? arrow::Result<log::RecoveryPoint>(Error(ErrorCode::kLogStorage,
                                                                 "The log of {} could not be synced after the start. "
                                                                 "Check the device and restart.",
                                                                 bucket_))
                       : log_->Sync();
    needs_rebuild_ = !point.ok();
    open_status_ = point.status();
    ARROW_RETURN_NOT_OK(open_status_);
    NoteSynced(*point);
  }
  Recovered recovered = *std::exchange(recovered_, std::nullopt);
  std::lock_guard lock(mutex_);
  recovered.tail = unwritten_;
  return recovered;
}

void BucketStore::NoteRecovered() {
  recovered_ = Recovered{.end = log_->end(), .max_timestamp_ms = log_->max_timestamp_ms(), .writers = log_->writers()};
}

arrow::Status BucketStore::CheckNotSetAside() const {
  if (!environment_.any_set_aside) return arrow::Status::OK();
  const std::string folder = BucketDirectory(environment_.set_aside, bucket_);
  ARROW_ASSIGN_OR_RAISE(const bool exists, environment_.fs.Exists(folder));
  if (!exists) return arrow::Status::OK();
  return Error(ErrorCode::kLogStorage,
               "Acknowledged records of {} could not be put into its log; {} holds them. The bucket stays "
               "closed until they are put back or that folder is removed.",
               bucket_, folder);
}

arrow::Status BucketStore::OpenLocked() {
  if (opened_) return open_status_;
  opened_ = true;
  const std::string folder = BucketDirectory(environment_.directory, bucket_);
  open_status_ = CheckNotSetAside();
  if (!open_status_.ok()) {
    ++environment_.buckets_set_aside;
    return open_status_;
  }
  std::optional<log::RecoveryPoint> known = synced_point();
  log::RecoveryReport report;
  auto log = log::BucketLog::Open(environment_.fs, environment_.files, environment_.indexes, folder,
                                  environment_.log_options, known ? &*known : nullptr, &report);
  for (auto& finding : report.findings) environment_.report(std::move(finding));
  open_status_ = log.status();
  if (!log.ok()) return open_status_;
  open_status_ = OpenTierLocked(folder);
  if (!open_status_.ok()) return open_status_;
  log_ = std::move(log).ValueUnsafe();
  NoteRecovered();
  written_end_ = opened_end_ = log_->end();
  std::lock_guard lock(mutex_);
  point_wanted_ = log_->end() != (synced_ ? synced_->end : LogOffset(0));
  return open_status_;
}

bool BucketStore::AddCommitted(journal::Entry entry) {
  std::lock_guard lock(mutex_);
  if (removed_) return false;
  const uint64_t bytes = entry.batches.size() + entry.statistics.size();
  unwritten_bytes_ += bytes;
  unsynced_bytes_ += bytes;
  environment_.unwritten_bytes += bytes;
  entry.context.reset();  // it refers to us: what is never written would keep us for ever
  unwritten_.push_back(std::move(entry));
  return !std::exchange(queued_for_write_, true);
}

bool BucketStore::StopWriting() {
  std::lock_guard lock(mutex_);
  if (!unwritten_.empty()) return false;
  queued_for_write_ = false;
  return true;
}

arrow::Status BucketStore::AppendLocked(const std::vector<journal::Entry>& entries) {
  if (needs_rebuild_) {
    return Error(ErrorCode::kLogStorage, "The log of {} is to be rebuilt from the journal first.", bucket_);
  }
  std::vector<log::LogBatch> batches;
  for (const auto& entry : entries) {
    // A rebuild from the journal may have been ahead of the hand-over.
    if (entry.first + entry.count <= log_->end()) continue;
    ARROW_ASSIGN_OR_RAISE(auto split, SplitEntry(entry.batches, entry.statistics));
    std::ranges::move(split, std::back_inserter(batches));
  }
  if (batches.empty()) return arrow::Status::OK();
  arrow::Status status;
  if (log_->last_point().end < InFilesAlone()) {
    // A failure from here on must not cost what only the files hold: they get a point of their own first.
    status = log_->Sync().status();
  }
  if (status.ok()) status = log_->Append(batches);
  NoteWriteOutcome(status);
  return status;
}

void BucketStore::NoteWriteOutcome(const arrow::Status& status) {
  needs_rebuild_ = !status.ok();
  device_was_full_ = CodeOf(status) == ErrorCode::kDiskWriteLocked;
}

arrow::Status BucketStore::WriteLocked(uint64_t bytes_min) {
  std::vector<journal::Entry> entries;
  {
    // They stay in `unwritten_` until they are written, so that their journal records stay needed.
    std::lock_guard lock(mutex_);
    uint64_t bytes = 0;
    for (auto entry = unwritten_.begin(); entry != unwritten_.end() && bytes < bytes_min; ++entry) {
      bytes += entry->batches.size() + entry->statistics.size();
      entries.push_back(*entry);
    }
  }
  if (entries.empty()) return arrow::Status::OK();
  ARROW_RETURN_NOT_OK(OpenLocked());
  ARROW_RETURN_NOT_OK(AppendLocked(entries));
  std::lock_guard lock(mutex_);
  const LogOffset end = entries.back().first + entries.back().count;
  written_end_ = std::max(written_end_, end);
  if (!unsynced_sequence_) unsynced_sequence_ = entries.front().sequence;
  ForgetUnwrittenLocked(entries.size());
  return arrow::Status::OK();
}

void BucketStore::ForgetUnwrittenLocked(size_t entries) {
  for (; entries > 0; --entries) {
    const uint64_t bytes = unwritten_.front().batches.size() + unwritten_.front().statistics.size();
    unwritten_bytes_ -= bytes;
    environment_.unwritten_bytes -= bytes;
    unwritten_.pop_front();
  }
}

arrow::Result<LogOffset> BucketStore::Write(uint64_t bytes_min) {
  std::lock_guard writing(write_mutex_);
  if (removed()) return open_status_;
  ARROW_RETURN_NOT_OK(WriteLocked(bytes_min));
  ARROW_RETURN_NOT_OK(OpenLocked());
  return log_->end();
}

arrow::Status BucketStore::WriteDirect(const std::vector<journal::Entry>& entries) {
  std::lock_guard writing(write_mutex_);
  ARROW_RETURN_NOT_OK(OpenLocked());
  ARROW_RETURN_NOT_OK(WriteLocked());
  ARROW_RETURN_NOT_OK(AppendLocked(entries));
  const auto point = log_->Sync();
  NoteWriteOutcome(point.status());
  if (!point.ok()) return point.status();
  written_end_ = log_->end();
  NoteSynced(*point);
  return arrow::Status::OK();
}

void BucketStore::NoteSynced(const log::RecoveryPoint& point) {
  std::lock_guard lock(mutex_);
  if (removed_) return;
  synced_ = point;
  point_wanted_ = false;
  unsynced_sequence_.reset();
  unsynced_bytes_ = unwritten_bytes_;
}

bool BucketStore::WriteBack(uint64_t bytes_max) {
  std::lock_guard writing(write_mutex_);
  if (!log_ || removed() || needs_rebuild_) return false;
  const auto left = log_->WriteBack(bytes_max);
  if (!left.ok()) NoteSyncFailure(left.status());
  return left.ok() && *left > bytes_max;
}

void BucketStore::NoteSyncFailure(const arrow::Status& why) {
  environment_.report(
      fmt::format("Syncing {} failed; what it should have made durable is written again from the journal: {}", bucket_,
                  why.message()));
  NoteWriteOutcome(why);
}

arrow::Status BucketStore::Sync(journal::Journal& journal) {
  std::lock_guard writing(write_mutex_);
  if (shut_) return arrow::Status::OK();
  if (!log_ || removed()) return open_status_;
  if (!needs_rebuild_) {
    const auto point = log_->Sync();
    if (point.ok()) {
      NoteSynced(*point);
      return arrow::Status::OK();
    }
    NoteSyncFailure(point.status());
  }
  return RebuildLocked(journal);
}

arrow::Status BucketStore::RebuildLocked(journal::Journal& journal) {
  // What reached the file since the last good sync is unknown, and a second sync would prove nothing. The journal still
  // holds every record of it.
  const log::RecoveryPoint safe = log_->last_point();
  if (safe.end < InFilesAlone()) {
    return Error(
        ErrorCode::kLogStorage,
        "The log of {} cannot be rebuilt: offsets {} to {} are in its files alone. Check the device and restart.",
        bucket_, safe.end, InFilesAlone());
  }
  LogOffset until(INT64_MAX);
  {
    std::lock_guard lock(mutex_);
    if (!unwritten_.empty()) until = unwritten_.front().first;
  }
  ARROW_RETURN_NOT_OK(CheckRoomToRebuild());
  ARROW_RETURN_NOT_OK(log_->Rewind(safe, device_was_full_ ? log::Abandoned::kRemoved : log::Abandoned::kSetAside));
  const arrow::Status rewritten = journal.ReadBack(bucket_, safe.end, [&](const auto& header, ByteView payload) {
    if (header.kind != journal::RecordKind::kBatches || header.first >= until || header.first < log_->end()) {
      return arrow::Status::OK();
    }
    const Bytes copy = Bytes::Copy(payload);
    const size_t batch_bytes = payload.size() - header.statistics_bytes;
    ARROW_ASSIGN_OR_RAISE(const auto batches, SplitEntry(copy.Slice(0, batch_bytes), copy.Slice(batch_bytes)));
    return log_->Append(batches);
  });
  NoteWriteOutcome(rewritten);
  ARROW_RETURN_NOT_OK(rewritten);
  needs_rebuild_ = true;  // until it is complete and synced
  if (log_->end() < written_end_) {
    return Error(ErrorCode::kLogStorage, "The journal gives records of {} up to offset {} only, {} are needed.",
                 bucket_, log_->end(), written_end_);
  }
  const auto point = log_->Sync();
  NoteWriteOutcome(point.status());
  ARROW_RETURN_NOT_OK(point.status());
  NoteSynced(*point);
  return arrow::Status::OK();
}

arrow::Status BucketStore::CheckRoomToRebuild() const {
  if (!device_was_full_) return arrow::Status::OK();
  // Else the whole journal would be read again and again, to find out.
  ARROW_ASSIGN_OR_RAISE(const uint64_t free, environment_.fs.FreeBytes(environment_.directory));
  if (free > unsynced_bytes_) return arrow::Status::OK();
  return Error(ErrorCode::kDiskWriteLocked,
               "{} bytes are to be written to the log of {}, and its device has {} left. Free space there.",
               unsynced_bytes_.load(), bucket_, free);
}

arrow::Status BucketStore::SetAside(journal::Journal& journal) {
  std::lock_guard writing(write_mutex_);
  if (removed()) return open_status_;
  const std::optional<log::RecoveryPoint> synced = synced_point();
  LogOffset end = synced ? synced->end : LogOffset(0);
  const arrow::Status copied = journal.ReadBack(bucket_, end, [&](const auto& header, ByteView payload) {
    end = header.first + header.count;
    if (header.kind != journal::RecordKind::kBatches) return arrow::Status::OK();
    return SetAsideRecord(environment_, header, payload);
  });
  if (!copied.ok() && !shut_) {
    // All of it is in the journal still. What was begun would shut the bucket at the next start; should it stay, then it does.
    (void)environment_.fs.RemoveTree(BucketDirectory(environment_.set_aside, bucket_));
  }
  ARROW_RETURN_NOT_OK(copied);
  arrow::Status shut = CheckNotSetAside();
  if (shut.ok()) return Error(ErrorCode::kLogStorage, "The journal holds nothing of {}.", bucket_);
  opened_ = true;
  open_status_ = std::move(shut);
  if (!shut_.exchange(true)) ++environment_.buckets_set_aside;
  std::lock_guard lock(mutex_);
  // What was committed meanwhile stays, and asks for another call.
  const auto later = std::ranges::find_if(unwritten_, [&](const auto& entry) { return entry.first >= end; });
  ForgetUnwrittenLocked(static_cast<size_t>(later - unwritten_.begin()));
  unsynced_bytes_ = unwritten_bytes_;
  unsynced_sequence_.reset();
  point_wanted_ = false;
  return arrow::Status::OK();
}

void BucketStore::NoteReplayed(const journal::RecordHeader& header) {
  const LogOffset next = header.first + header.count;
  if (header.kind == journal::RecordKind::kDescriptor) {
    journaled_from_ = next;
  } else if (header.first != journaled_to_) {
    journaled_from_ = header.first;
  }
  journaled_to_ = next;
}

// The end of what a Rewind must not give up, since the journal could not give it back: what went to the files directly, and
// what older checkpoints let the journal forget.
LogOffset BucketStore::InFilesAlone() const { return journaled_to_ >= opened_end_ ? journaled_from_ : opened_end_; }

arrow::Status BucketStore::Recover(const journal::RecordHeader& header, ByteView payload) {
  ARROW_RETURN_NOT_OK(OpenLocked());
  NoteReplayed(header);
  const LogOffset end = replayed_.empty() ? log_->end() : replayed_.back().first + replayed_.back().count;
  const LogOffset next = header.first + header.count;
  {
    std::lock_guard lock(mutex_);
    const bool unsynced = !synced_ || next > synced_->end;
    if (unsynced && !unsynced_sequence_) unsynced_sequence_ = header.sequence;
  }
  if (next <= end) return arrow::Status::OK();
  if (header.kind == journal::RecordKind::kDescriptor || header.first > end) {
    open_status_ =
        Error(ErrorCode::kLogStorage,
              "Acknowledged records of {} are missing: its log ends at offset {}, the journal goes on at {}. The "
              "bucket stays closed; run thalweg verify on the data directory.",
              bucket_, end, header.kind == journal::RecordKind::kDescriptor ? next : header.first);
    return open_status_;
  }
  const Bytes copy = Bytes::Copy(payload);
  const size_t batch_bytes = payload.size() - header.statistics_bytes;
  ARROW_ASSIGN_OR_RAISE(const auto split, SplitEntry(copy.Slice(0, batch_bytes), copy.Slice(batch_bytes)));
  // A write of several batches may have reached the segment in part.
  size_t keep_from = 0;
  size_t statistics_from = 0;
  LogOffset first = header.first;
  for (const auto& one : split) {
    ARROW_ASSIGN_OR_RAISE(const auto parsed, format::ParseHeader(one.batch.view()));
    if (parsed.next_offset() > end) break;
    keep_from += one.batch.size();
    if (header.statistics_bytes > 0) statistics_from += 4 + one.statistics.size();
    first = parsed.next_offset();
  }
  replayed_.push_back({.bucket = bucket_,
                       .first = first,
                       .count = static_cast<uint32_t>(next - first),
                       .batches = copy.Slice(keep_from, batch_bytes - keep_from),
                       .statistics = copy.Slice(batch_bytes + statistics_from),
                       .sequence = header.sequence});
  replayed_bytes_ += copy.size();
  environment_.recovering_bytes += copy.size();
  written_end_ = next;
  return replayed_bytes_ >= kRecoveryWriteBytes ? WriteRecovered() : arrow::Status::OK();
}

arrow::Status BucketStore::WriteRecovered() {
  if (replayed_.empty()) return arrow::Status::OK();
  const std::vector<journal::Entry> entries = std::exchange(replayed_, {});
  environment_.recovering_bytes -= std::exchange(replayed_bytes_, 0);
  if (arrow::Status status = AppendLocked(entries); !status.ok()) {
    open_status_ = status;
    return status;
  }
  NoteRecovered();
  return arrow::Status::OK();
}

bool BucketStore::KeepRecovered() {
  if (replayed_.empty()) return false;
  if (!open_status_.ok()) {
    // The flusher writes nothing to a bucket that is shut, and the ring must not wait for it.
    if (const arrow::Status status = WriteRecovered(); !status.ok()) environment_.report(status.message());
    return false;
  }
  environment_.recovering_bytes -= std::exchange(replayed_bytes_, 0);
  bool tell = false;
  for (auto& entry : std::exchange(replayed_, {})) {
    recovered_->end = entry.first + entry.count;
    for (format::BatchIterator it(entry.batches.view()); !it.AtEnd();) {
      const auto batch = it.Next();
      TW_CHECK(batch.ok());  // Recover has parsed it
      const auto& header = batch->header;
      recovered_->max_timestamp_ms = std::max(recovered_->max_timestamp_ms, header.commit_timestamp_ms);
      if (!header.has_writer()) continue;
      recovered_->writers.Append(header.writer_id, header.batch_sequence, header.base_offset, header.last_offset(),
                                 header.commit_timestamp_ms);
    }
    tell |= AddCommitted(std::move(entry));
  }
  return tell;
}

arrow::Status BucketStore::Remove() {
  {
    std::lock_guard writing(write_mutex_);
    opened_ = true;
    open_status_ = Error(ErrorCode::kUnknownTableOrBucket, "The table of {} was dropped.", bucket_);
    std::lock_guard lock(mutex_);
    removed_ = true;
    ForgetUnwrittenLocked(unwritten_.size());
    unsynced_bytes_ = 0;
    unsynced_sequence_.reset();
    point_wanted_ = false;
    synced_.reset();
  }
  // A copy that is under way may take long to notice, and nobody who wants to write waits for it.
  if (tier_) tier_->Close();
  std::lock_guard writing(write_mutex_);
  ARROW_RETURN_NOT_OK(NoteRemoteDrops(environment_.fs, environment_.remote_drops, environment_.directory,
                                      BucketDirectory(environment_.directory, bucket_)));
  if (log_) ARROW_RETURN_NOT_OK(log_->Remove());
  // Also what no log knows of.
  for (const std::string& root : {environment_.directory, environment_.set_aside}) {
    const std::string folder = BucketDirectory(root, bucket_);
    ARROW_ASSIGN_OR_RAISE(const bool exists, environment_.fs.Exists(folder));
    if (!exists) continue;
    ARROW_RETURN_NOT_OK(environment_.fs.RemoveTree(folder));
    ARROW_RETURN_NOT_OK(environment_.fs.SyncDirectory(io::ParentOf(folder)));
  }
  return arrow::Status::OK();
}

bool BucketStore::HasOldSegments() const {
  std::lock_guard lock(mutex_);
  return synced_ && checkpointed_segment_ && synced_->start < *checkpointed_segment_;
}

arrow::Status BucketStore::DropExpired(int64_t cutoff_ms) {
  LogOffset below;
  {
    std::lock_guard writing(write_mutex_);
    if (!HasOldSegments()) return arrow::Status::OK();
    ARROW_RETURN_NOT_OK(OpenLocked());
    {
      std::lock_guard lock(mutex_);
      below = *checkpointed_segment_;
    }
    ARROW_ASSIGN_OR_RAISE(const auto kept, log_->OffsetForTimestamp(cutoff_ms, below));
    below = kept.value_or(below);
    if (below <= log_->start()) return arrow::Status::OK();
  }
  // May open the state on disk: not where nothing would go, and not while others want to write.
  ARROW_ASSIGN_OR_RAISE(const LogOffset needed_by_state, NeededByState());
  std::lock_guard writing(write_mutex_);
  if (!HasOldSegments()) return arrow::Status::OK();
  const arrow::Status dropped = log_->DropBefore(std::min(below, needed_by_state));
  // Also after a failure: start() has moved.
  std::lock_guard lock(mutex_);
  if (synced_) synced_->start = std::max(synced_->start, log_->start());
  return dropped;
}

void BucketStore::NoteStateStored(LogOffset offset) {
  std::lock_guard lock(mutex_);
  state_stored_ = std::max(state_stored_.value_or(offset), offset);
}

arrow::Result<LogOffset> BucketStore::NeededByState() {
  {
    std::lock_guard lock(mutex_);
    if (state_stored_) return *state_stored_;
  }
  if (!state_use_.Enter()) return Error(ErrorCode::kUnknownTableOrBucket, "The table of {} was dropped.", bucket_);
  const auto stored = environment_.stored_rows(bucket_);
  state_use_.Leave();
  ARROW_RETURN_NOT_OK(stored.status());
  if (!*stored) return LogOffset(INT64_MAX);
  // After a power cut the rows can be ahead of the changelog: then they will be made anew from all of it.
  if (**stored > log_->end()) return LogOffset(0);
  NoteStateStored(**stored);
  return **stored;
}

void BucketStore::NoteCheckpointed(const log::RecoveryPoint& point) {
  std::lock_guard lock(mutex_);
  if (!removed_) checkpointed_segment_ = point.segment;
}

std::optional<uint64_t> BucketStore::needed_sequence() const {
  std::lock_guard lock(mutex_);
  if (unsynced_sequence_) return unsynced_sequence_;
  if (!unwritten_.empty()) return unwritten_.front().sequence;
  return std::nullopt;
}

uint64_t BucketStore::unwritten_bytes() const {
  std::lock_guard lock(mutex_);
  return unwritten_bytes_;
}

bool BucketStore::removed() const {
  std::lock_guard lock(mutex_);
  return removed_;
}

bool BucketStore::needs_sync() const {
  std::lock_guard lock(mutex_);
  return unsynced_sequence_.has_value() || point_wanted_;
}

std::optional<log::RecoveryPoint> BucketStore::synced_point() const {
  std::lock_guard lock(mutex_);
  return synced_;
}

}  // namespace thalweg::tablet
