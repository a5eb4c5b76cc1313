#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "fmt/format.h"
#include "thalweg/base/error.h"
#include "thalweg/tablet/checkpoint.h"
#include "thalweg/tablet/engine.h"
#include "thalweg/tablet/set_aside.h"

namespace thalweg::tablet {
namespace {

/// The number behind `prefix` in a folder's name, as BucketDirectory writes it.
std::optional<int64_t> NumberBehind(char prefix, const std::string& name) {
  int64_t number = 0;
  if (name.size() < 2 || name[0] != prefix) return std::nullopt;
  const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

// So much of the journal is held in memory, over all buckets, before it is written to their logs.
constexpr uint64_t kRecoveringBytesMax = 64 << 20;

// So much more of the ring than it finds in use may a start use at once.
constexpr double kStartShare = 0.04;

std::string CheckpointPath(const EngineOptions& options) { return options.directory + "/checkpoint"; }

}  // namespace

arrow::Result<std::unique_ptr<Engine>> Engine::Open(const EngineEnvironment& environment, const EngineOptions& options,
                                                    const std::function<bool(const TableBucket&)>& exists) {
  std::unique_ptr<Engine> engine(new Engine(environment, options));
  ARROW_RETURN_NOT_OK(engine->Recover(exists));
  return engine;
}

arrow::Status Engine::Recover(const std::function<bool(const TableBucket&)>& exists) {
  auto& fs = environment_.fs;
  ARROW_RETURN_NOT_OK(fs.CreateDirectories(stores_environment_.directory));
  ARROW_RETURN_NOT_OK(fs.SyncDirectory(options_.directory));
  // Also where it exists: it may have been made just before a crash.
  ARROW_RETURN_NOT_OK(fs.SyncDirectory(io::ParentOf(options_.directory)));
  ARROW_ASSIGN_OR_RAISE(const bool any_set_aside, fs.Exists(stores_environment_.set_aside));
  stores_environment_.any_set_aside = any_set_aside;
  uint64_t from_sequence = 0;
  ARROW_RETURN_NOT_OK(LoadStores(exists, from_sequence));

  journal::JournalOptions journal_options = options_.journal;
  journal_options.ring.directory = options_.directory + "/journal";
  journal_options.report = options_.report;
  // Twice, since a file that is half made counts as if nothing of it was there.
  journal_options.may_grow = [this](uint64_t bytes) { return disk_.TakeIfRoom(bytes, 2 * bytes); };
  std::set<TableBucket> told;
  const auto replay = [&](const journal::RecordHeader& header, ByteView payload) {
    if (!exists(header.bucket)) return arrow::Status::OK();
    arrow::Status status = StoreFor(header.bucket)->Recover(header, payload);
    if (stores_environment_.recovering_bytes > kRecoveringBytesMax) WriteRecovered();
    if (status.ok()) return status;
    if (told.insert(header.bucket).second) options_.report(status.message());
    // The ring must not wait for a bucket that is shut.
    return SetAsideRecord(stores_environment_, header, payload);
  };
  ARROW_ASSIGN_OR_RAISE(journal_,
                        journal::Journal::Open(fs, environment_.clock, environment_.journal_thread, environment_.pool,
                                               journal_options, from_sequence, *this, replay));
  for (const auto& damage : journal_->damage()) {
    options_.report("The journal cannot be read in part: " + damage + ". Buckets that miss these records stay closed.");
  }
  committed_sequence_ = journal_->next_sequence();
  checkpointed_sequence_ = from_sequence;
  flusher_ = std::make_unique<Flusher>(
      environment_.clock, environment_.pool, *journal_, stores_environment_, options_.flusher,
      Flusher::Hooks{.written = [this](const auto& store, LogOffset end) { Trim(store, end); },
                     .tried = [this](const auto& store, const auto& status) { NoteTried(store, status); },
                     .round_over = [this] { WriteCheckpoint(); },
                     .report = options_.report});
  FinishRecovery();
  if (options_.tiering.store) StartTiering();
  return options_.tiering.store && states_ ? StartSnapshots() : arrow::Status::OK();
}

arrow::Status Engine::LoadStores(const std::function<bool(const TableBucket&)>& exists, uint64_t& journal_sequence) {
  std::string damage;
  ARROW_ASSIGN_OR_RAISE(auto checkpoint, LoadCheckpoint(environment_.fs, CheckpointPath(options_), damage));
  if (!damage.empty()) options_.report(damage + " Every log is read instead, which takes longer.");
  if (!checkpoint) return FindStores(exists);
  journal_sequence = checkpoint->journal_sequence;
  for (auto& [bucket, point] : checkpoint->buckets) {
    if (!exists(bucket)) {
      if (options_.dropped(bucket)) continue;
      // Most likely a drop that did not come to its end. But should it be the catalog that forgot, these are the only
      // copies: removing them is for a person.
      options_.report(
          fmt::format("{} is not in the catalog. Its files stay in {}; remove them if its table was dropped.", bucket,
                      BucketDirectory(stores_environment_.directory, bucket)));
      continue;
    }
    stores_.emplace(bucket, std::make_shared<BucketStore>(bucket, stores_environment_, std::move(point)));
  }
  return arrow::Status::OK();
}

arrow::Status Engine::FindStores(const std::function<bool(const TableBucket&)>& exists) {
  const std::string& root = stores_environment_.directory;
  ARROW_ASSIGN_OR_RAISE(const auto tables, environment_.fs.List(root));
  for (const auto& table : tables) {
    const auto id = NumberBehind('t', table.name);
    if (!id) continue;
    const std::string folder = TableDirectory(root, TableId(*id));
    ARROW_RETURN_NOT_OK(FindBuckets(folder, TableId(*id), kNoPartition, exists));
    ARROW_ASSIGN_OR_RAISE(const auto partitions, environment_.fs.List(folder));
    for (const auto& partition : partitions) {
      if (const auto p = NumberBehind('p', partition.name)) {
        ARROW_RETURN_NOT_OK(FindBuckets(folder + "/" + partition.name, TableId(*id), PartitionId(*p), exists));
      }
    }
  }
  return arrow::Status::OK();
}

arrow::Status Engine::FindBuckets(const std::string& directory, TableId table, PartitionId partition,
                                  const std::function<bool(const TableBucket&)>& exists) {
  ARROW_ASSIGN_OR_RAISE(const auto entries, environment_.fs.List(directory));
  for (const auto& entry : entries) {
    const auto number = NumberBehind('b', entry.name);
    if (!number) continue;
    const TableBucket bucket{table, partition, BucketId(static_cast<int32_t>(*number))};
    if (!exists(bucket)) continue;
    auto store = std::make_shared<BucketStore>(bucket, stores_environment_, std::nullopt);
    // Without a checkpoint nothing is known to be synced, so the whole log is read once.
    if (const auto opened = store->Open(); !opened.ok()) options_.report(opened.message());
    stores_.emplace(bucket, std::move(store));
  }
  return arrow::Status::OK();
}

void Engine::WriteRecovered() {
  for (const auto& [bucket, store] : stores_) {
    if (const arrow::Status status = store->WriteRecovered(); !status.ok()) options_.report(status.message());
  }
}

void Engine::FinishRecovery() {
  for (const auto& [bucket, store] : stores_) {
    // Not written now: that would sync a folder for each bucket, and nobody can read before all of them are done.
    if (store->KeepRecovered()) flusher_->NoteUnwritten(store);
    if (store->needs_sync()) flusher_->NoteUnsynced(store);
  }
  // A ring that is found full is not empty before every bucket is synced, and writers do not wait for that.
  full_share_ = std::max(full_share_, journal_->pressure() + kStartShare);
  NoteRingPressure();
  disk_.Start(environment_.pool);
}

void Engine::WriteCheckpoint() {
  // Read first: what is committed from here on is not below it.
  uint64_t sequence = committed_sequence_;
  Checkpoint checkpoint;
  std::vector<std::shared_ptr<BucketStore>> stores;
  {
    std::lock_guard lock(stores_mutex_);
    checkpoint.buckets.reserve(stores_.size());
    stores.reserve(stores_.size());
    for (const auto& [bucket, store] : stores_) {
      auto point = store->synced_point();
      if (const auto needed = store->needed_sequence()) sequence = std::min(sequence, *needed);
      if (!point) continue;
      checkpoint.buckets.emplace_back(bucket, std::move(*point));
      stores.push_back(store);
    }
  }
  if (checkpointed_ && sequence == checkpointed_sequence_) return;
  checkpoint.journal_sequence = sequence;
  const Bytes encoded = EncodeCheckpoint(checkpoint);
  if (const arrow::Status status = io::ReplaceFile(environment_.fs, CheckpointPath(options_), encoded.view());
      !status.ok()) {
    options_.report("The checkpoint could not be written; the journal is kept until it can be: " + status.message());
    return;
  }
  checkpointed_ = true;
  checkpointed_sequence_ = sequence;
  for (size_t i = 0; i < stores.size(); ++i) stores[i]->NoteCheckpointed(checkpoint.buckets[i].second);
  journal_->Release(sequence);
  NoteRingPressure();
}

}  // namespace thalweg::tablet
