#include "thalweg/tablet/verify_data.h"

#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include "fmt/format.h"
#include "thalweg/base/error.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/journal/replay.h"
#include "thalweg/kv/verify_state.h"
#include "thalweg/log/verify_log.h"
#include "thalweg/remote/manifest.h"
#include "thalweg/remote/verify_remote.h"
#include "thalweg/tablet/bucket_store.h"
#include "thalweg/tablet/checkpoint.h"
#include "thalweg/tablet/remote_drops.h"

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

class DataVerifier {
 public:
  DataVerifier(io::FileSystem& fs, std::string directory, const std::function<bool(const TableBucket&)>& exists,
               io::ObjectStore* remote, Faults* faults, VerifiedData* data)
      : fs_(fs), directory_(std::move(directory)), exists_(exists), remote_(remote), faults_(faults), data_(data) {}

  arrow::Status Run() {
    ARROW_RETURN_NOT_OK(ReadCheckpoint());
    ARROW_RETURN_NOT_OK(VisitBuckets("log", [this](const TableBucket& bucket) { return VisitBucket(bucket); }));
    for (const auto& [bucket, point] : points_) {
      if (!visited_.contains(bucket)) ARROW_RETURN_NOT_OK(VisitBucket(bucket));
    }
    ARROW_RETURN_NOT_OK(VisitJournal());
    ARROW_RETURN_NOT_OK(VisitBuckets("kv", [this](const TableBucket& bucket) { return VisitState(bucket); }));
    for (const auto& [bucket, end] : visited_) ARROW_RETURN_NOT_OK(VisitRemote(bucket, end));
    return VisitDrops();
  }

 private:
  arrow::Status ReadCheckpoint() {
    std::string damage;
    const std::string path = directory_ + "/checkpoint";
    ARROW_ASSIGN_OR_RAISE(auto checkpoint, LoadCheckpoint(fs_, path, damage));
    if (!damage.empty()) faults_->Add(path, std::nullopt, damage);
    if (!checkpoint) return arrow::Status::OK();
    from_sequence_ = checkpoint->journal_sequence;
    for (auto& [bucket, point] : checkpoint->buckets) points_[bucket] = std::move(point);
    return arrow::Status::OK();
  }

  using BucketVisitor = std::function<arrow::Status(const TableBucket&)>;

  /// The buckets that have a folder under `root`.
  arrow::Status VisitBuckets(const std::string& root, const BucketVisitor& visit) {
    const std::string folder = directory_ + "/" + root;
    ARROW_ASSIGN_OR_RAISE(const bool exists, fs_.Exists(folder));
    if (!exists) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto tables, fs_.List(folder));
    for (const auto& entry : tables) {
      const std::string path = folder + "/" + entry.name;
      if (const auto table = NumberBehind('t', entry.name)) {
        ARROW_RETURN_NOT_OK(VisitTable(path, TableId(*table), visit));
      } else {
        Foreign(path);
      }
    }
    return arrow::Status::OK();
  }

  arrow::Status VisitTable(const std::string& folder, TableId table, const BucketVisitor& visit) {
    ARROW_ASSIGN_OR_RAISE(const auto parts, fs_.List(folder));
    for (const auto& part : parts) {
      const std::string path = folder + "/" + part.name;
      if (const auto bucket = NumberBehind('b', part.name)) {
        ARROW_RETURN_NOT_OK(visit({table, kNoPartition, BucketId(static_cast<int32_t>(*bucket))}));
      } else if (const auto partition = NumberBehind('p', part.name)) {
        ARROW_RETURN_NOT_OK(VisitPartition(path, table, PartitionId(*partition), visit));
      } else {
        Foreign(path);
      }
    }
    return arrow::Status::OK();
  }

  arrow::Status VisitPartition(const std::string& folder, TableId table, PartitionId partition,
                               const BucketVisitor& visit) {
    ARROW_ASSIGN_OR_RAISE(const auto buckets, fs_.List(folder));
    for (const auto& entry : buckets) {
      if (const auto bucket = NumberBehind('b', entry.name)) {
        ARROW_RETURN_NOT_OK(visit({table, partition, BucketId(static_cast<int32_t>(*bucket))}));
      } else {
        Foreign(folder + "/" + entry.name);
      }
    }
    return arrow::Status::OK();
  }

  void Foreign(std::string path) { faults_->Note(std::move(path), std::nullopt, "not Thalweg's: it is left alone"); }

  arrow::Status VisitBucket(const TableBucket& bucket) {
    const std::string dir = BucketDirectory(directory_ + "/log", bucket);
    if (!exists_(bucket)) {
      if (visited_.emplace(bucket, LogOffset()).second) {
        faults_->Note(dir, std::nullopt, "belongs to no table or partition that there is");
      }
      return arrow::Status::OK();
    }
    const auto point = points_.find(bucket);
    log::LogExtent extent;
    ARROW_RETURN_NOT_OK(log::VerifyLog(fs_, dir, point == points_.end() ? nullptr : &point->second, faults_, &extent));
    visited_[bucket] = extent.end;
    starts_[bucket] = extent.start;
    ++data_->buckets;
    data_->segments += extent.segments;
    data_->batches += extent.batches;
    data_->bytes += extent.bytes;
    return arrow::Status::OK();
  }

  arrow::Status VisitJournal() {
    const std::string folder = directory_ + "/journal";
    ARROW_ASSIGN_OR_RAISE(const bool exists, fs_.Exists(folder));
    if (!exists) {
      if (!points_.empty()) faults_->Add(folder, std::nullopt, "missing");
      return arrow::Status::OK();
    }
    ARROW_ASSIGN_OR_RAISE(auto files, journal::FindFiles(fs_, {.directory = folder, .direct = false}));
    Damaged(files.damage);
    ARROW_ASSIGN_OR_RAISE(const auto replayed,
                          journal::Replay(files.used, from_sequence_, [&](const auto& header, ByteView payload) {
                            VisitRecord(header, payload);
                            return arrow::Status::OK();
                          }));
    Damaged(replayed.damage);
    return arrow::Status::OK();
  }

  void Damaged(const std::vector<journal::Damage>& damage) {
    for (const auto& part : damage) {
      faults_->Add(part.path.empty() ? directory_ + "/journal" : part.path, part.from,
                   fmt::format("cannot be read: {}", part.what));
    }
  }

  /// As a start replays it: what the files hold is skipped, the rest must begin where they end.
  void VisitRecord(const journal::RecordHeader& header, ByteView payload) {
    ++data_->journal_records;
    if (!exists_(header.bucket)) return;
    const auto problem = [&](const std::string& what) {
      faults_->Add(directory_ + "/journal", std::nullopt,
                   fmt::format("record {} of {}: {}", header.sequence, header.bucket, what));
    };
    if (header.kind == journal::RecordKind::kBatches) CheckBatches(header, payload, problem);
    LogOffset& end = visited_[header.bucket];
    const LogOffset next = header.first + header.count;
    if (next <= end) return;
    if (header.kind == journal::RecordKind::kDescriptor) {
      problem(fmt::format("the segment should hold offsets {} to {}, and ends at {}", header.first, next, end));
    } else if (header.first > end) {
      problem(fmt::format("begins at offset {}, the log ends at {}: what lies between is missing", header.first, end));
    }
    end = next;
  }

  /// The rows by key, which are what the bucket's log adds up to as far as they have come. The journal must have been visited.
  arrow::Status VisitState(const TableBucket& bucket) {
    const std::string dir = BucketDirectory(directory_ + "/kv", bucket);
    const auto end = visited_.find(bucket);
    if (!exists_(bucket) || end == visited_.end()) {
      faults_->Note(dir, std::nullopt, "belongs to no bucket that there is");
      return arrow::Status::OK();
    }
    kv::VerifiedState state;
    ARROW_ASSIGN_OR_RAISE(const bool readable, kv::VerifyState(fs_, dir, faults_, &state));
    if (!readable) return arrow::Status::OK();
    data_->rows += static_cast<uint64_t>(state.rows);
    const LogOffset applied = state.meta.applied;
    if (applied > end->second) {
      const std::string what = fmt::format("is that of offset {}, the changelog ends at {}", applied, end->second);
      if (starts_[bucket] == LogOffset(0)) {
        faults_->Note(dir, std::nullopt, what + ": the next start makes it anew from there");
      } else {
        faults_->Add(dir, std::nullopt, what);
      }
    } else if (applied < starts_[bucket]) {
      faults_->Add(dir, std::nullopt,
                   fmt::format("is that of offset {}, the changelog begins later, at {}", applied, starts_[bucket]));
    }
    return arrow::Status::OK();
  }

  /// `end`: of what is here, the journal included.
  arrow::Status VisitRemote(const TableBucket& bucket, LogOffset end) {
    const std::string path = BucketDirectory(directory_ + "/log", bucket) + "/" + kTierFile;
    ARROW_ASSIGN_OR_RAISE(const bool exists, fs_.Exists(path));
    if (!exists || !exists_(bucket)) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(const std::string text, io::ReadFile(fs_, path));
    const auto manifest = remote::DecodeManifest(text);
    if (!manifest.ok()) {
      faults_->Add(path, std::nullopt, manifest.status().message());
      return arrow::Status::OK();
    }
    data_->remote_segments += manifest->segments.size();
    if (!manifest->names.table.empty() && manifest->bucket != bucket) {
      faults_->Add(path, std::nullopt, fmt::format("is of {}", manifest->bucket));
      return arrow::Status::OK();
    }
    if (!manifest->empty() && manifest->end() > end) {
      faults_->Add(path, std::nullopt,
                   fmt::format("names records up to offset {}, the log ends at {}: is this an old copy of the data?",
                               manifest->end(), end));
    }
    if (!manifest->empty() && manifest->end() < starts_[bucket]) {
      faults_->Note(
          path, std::nullopt,
          fmt::format("ends at offset {}, the log begins at {}: what lay between is gone by its time to live, "
                      "or missing",
                      manifest->end(), starts_[bucket]));
    }
    if (!remote_) return arrow::Status::OK();
    remote::VerifiedRemote looked_at;
    ARROW_RETURN_NOT_OK(remote::VerifyRemote(*remote_, *manifest, faults_, &looked_at));
    data_->remote_bytes += looked_at.bytes;
    data_->batches += looked_at.batches;
    return arrow::Status::OK();
  }

  arrow::Status VisitDrops() {
    const std::string folder = directory_ + "/remote-drops";
    ARROW_ASSIGN_OR_RAISE(const bool exists, fs_.Exists(folder));
    if (!exists) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto drops, fs_.List(folder));
    for (const auto& drop : drops) {
      faults_->Note(folder + "/" + drop.name, std::nullopt,
                    "of a dropped table: the server has yet to remove what it names from remote storage");
    }
    return arrow::Status::OK();
  }

  template <typename Problem>
  void CheckBatches(const journal::RecordHeader& header, ByteView payload, const Problem& problem) {
    if (header.statistics_bytes > payload.size()) return problem("its statistics are longer than it");
    LogOffset expected = header.first;
    ByteView rest = payload.first(payload.size() - header.statistics_bytes);
    while (!rest.empty()) {
      const auto batch = format::ParseBatch(rest);
      if (!batch.ok()) return problem(batch.status().message());
      if (const auto sum = format::VerifyCrc(*batch); !sum.ok()) return problem(sum.message());
      if (batch->header.base_offset != expected) {
        return problem(fmt::format("a batch has offset {} instead of {}", batch->header.base_offset, expected));
      }
      expected = batch->header.next_offset();
      rest = rest.subspan(batch->bytes.size());
    }
    if (expected != header.first + header.count) problem("its batches take another number of offsets than it says");
  }

  io::FileSystem& fs_;
  const std::string directory_;
  const std::function<bool(const TableBucket&)>& exists_;
  io::ObjectStore* const remote_;
  Faults* const faults_;
  VerifiedData* const data_;
  uint64_t from_sequence_ = 0;
  std::map<TableBucket, log::RecoveryPoint> points_;
  std::map<TableBucket, LogOffset> starts_;   ///< of the logs
  std::map<TableBucket, LogOffset> visited_;  ///< and where each log ends, so far
};

}  // namespace

arrow::Status VerifyData(io::FileSystem& fs, const std::string& directory,
                         const std::function<bool(const TableBucket&)>& exists, io::ObjectStore* remote, Faults* faults,
                         VerifiedData* data) {
  return DataVerifier(fs, directory, exists, remote, faults, data).Run();
}

}  // namespace thalweg::tablet
