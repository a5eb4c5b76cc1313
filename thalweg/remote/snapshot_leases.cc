#include "thalweg/remote/snapshot_leases.h"

#include <algorithm>
#include <utility>

#include "nlohmann/json.hpp"
#include "thalweg/base/bytes.h"
#include "thalweg/base/error.h"

namespace thalweg::remote {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;

arrow::Status Damaged(std::string_view why) {
  return Error(ErrorCode::kStorage, "The list of snapshot leases is damaged: {}", why);
}

}  // namespace

SnapshotLeases::SnapshotLeases(io::FileSystem& fs, std::string path, const Limits& limits, Leases leases)
    : fs_(fs), path_(std::move(path)), limits_(limits), leases_(std::make_shared<const Leases>(std::move(leases))) {}

arrow::Result<std::unique_ptr<SnapshotLeases>> SnapshotLeases::Open(io::FileSystem& fs, std::string path,
                                                                    const Limits& limits) {
  Leases leases;
  ARROW_ASSIGN_OR_RAISE(const bool exists, fs.Exists(path));
  if (exists) {
    ARROW_ASSIGN_OR_RAISE(const std::string text, io::ReadFile(fs, path));
    auto decoded = Decode(text);
    if (!decoded.ok()) return decoded.status().WithMessage(path, ": ", decoded.status().message());
    leases = std::move(decoded).ValueUnsafe();
  }
  return std::unique_ptr<SnapshotLeases>(new SnapshotLeases(fs, std::move(path), limits, std::move(leases)));
}

std::string SnapshotLeases::Encode(const Leases& leases) {
  Json json = {{"version", kVersion}, {"leases", Json::array()}};
  for (const auto& [id, lease] : leases) {
    Json snapshots = Json::array();
    for (const auto& [bucket, snapshot] : lease.snapshots) {
      snapshots.push_back({bucket.table.value, bucket.partition.value, bucket.bucket.value, snapshot});
    }
    json["leases"].push_back({{"id", id}, {"expires_ms", lease.expires_ms}, {"snapshots", std::move(snapshots)}});
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

arrow::Result<SnapshotLeases::Leases> SnapshotLeases::Decode(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    if (json.at("version").get<int>() > kVersion) return Damaged("it was written by a newer server");
    Leases leases;
    for (const Json& entry : json.at("leases")) {
      Lease& lease = leases[entry.at("id").get<std::string>()];
      lease.expires_ms = entry.at("expires_ms").get<int64_t>();
      for (const Json& held : entry.at("snapshots")) {
        const TableBucket bucket{TableId(held.at(0).get<int64_t>()), PartitionId(held.at(1).get<int64_t>()),
                                 BucketId(held.at(2).get<int32_t>())};
        lease.snapshots[bucket] = held.at(3).get<int64_t>();
      }
    }
    return leases;
  } catch (const nlohmann::json::exception& e) {
    return Damaged(e.what());
  }
}

std::shared_ptr<const SnapshotLeases::Leases> SnapshotLeases::leases() const {
  std::lock_guard lock(mutex_);
  return leases_;
}

arrow::Status SnapshotLeases::Save(std::shared_ptr<const Leases> next) {
  const std::string folder = io::ParentOf(path_);
  ARROW_RETURN_NOT_OK(fs_.CreateDirectories(folder));
  ARROW_RETURN_NOT_OK(fs_.SyncDirectory(io::ParentOf(folder)));
  const std::string text = Encode(*next);
  ARROW_RETURN_NOT_OK(io::ReplaceFile(fs_, path_, AsBytes(text)));
  std::lock_guard lock(mutex_);
  leases_ = std::move(next);
  return arrow::Status::OK();
}

bool SnapshotLeases::IsHeld(const Held& snapshot, int64_t now_ms) const {
  std::lock_guard lock(mutex_);
  if (coming_.contains(snapshot)) return true;
  return std::ranges::any_of(*leases_, [&](const auto& entry) {
    if (entry.second.expires_ms <= now_ms) return false;
    const auto found = entry.second.snapshots.find(snapshot.bucket);
    return found != entry.second.snapshots.end() && found->second == snapshot.snapshot;
  });
}

std::set<TableId> SnapshotLeases::TablesOf(const std::string& lease) const {
  const auto now = leases();
  std::set<TableId> tables;
  const auto found = now->find(lease);
  if (found == now->end()) return tables;
  for (const auto& [bucket, snapshot] : found->second.snapshots) tables.insert(bucket.table);
  return tables;
}

arrow::Status SnapshotLeases::CheckRoom(const Leases& leases) const {
  size_t snapshots = 0;
  for (const auto& [id, lease] : leases) snapshots += lease.snapshots.size();
  if (leases.size() <= limits_.leases_max && snapshots <= limits_.snapshots_max) return arrow::Status::OK();
  return Error(ErrorCode::kInvalidConfig,
               "There may be {} snapshot leases that hold {} snapshots in all: release some, or let them expire.",
               limits_.leases_max, limits_.snapshots_max);
}

arrow::Result<std::vector<SnapshotLeases::Held>> SnapshotLeases::Acquire(const std::string& lease, int64_t duration_ms,
                                                                         int64_t now_ms,
                                                                         const std::vector<Held>& wanted,
                                                                         const HoldIfThere& hold_if_there) {
  if (lease.empty() || lease.size() > limits_.id_bytes_max) {
    return Error(ErrorCode::kInvalidConfig, "The name of a snapshot lease has 1 to {} bytes, not {}.",
                 limits_.id_bytes_max, lease.size());
  }
  if (duration_ms <= 0) {
    return Error(ErrorCode::kInvalidConfig, "A snapshot lease lasts more than {} ms.", duration_ms);
  }
  std::lock_guard change(change_mutex_);
  auto next = std::make_shared<Leases>(*leases());
  std::erase_if(*next, [&](const auto& entry) { return entry.second.expires_ms <= now_ms; });
  Lease& mine = (*next)[lease];
  mine.expires_ms = duration_ms > INT64_MAX - now_ms ? INT64_MAX : now_ms + duration_ms;
  std::vector<Held> missing;
  for (const Held& held : wanted) {
    const auto hold = [&] {
      std::lock_guard lock(mutex_);
      coming_.insert(held);
    };
    if (hold_if_there(held, hold)) {
      mine.snapshots[held.bucket] = held.snapshot;
    } else {
      missing.push_back(held);
    }
  }
  if (mine.snapshots.empty()) next->erase(lease);
  arrow::Status status = CheckRoom(*next);
  if (status.ok()) status = Save(std::move(next));
  std::lock_guard lock(mutex_);
  coming_.clear();
  ARROW_RETURN_NOT_OK(status);
  return missing;
}

arrow::Status SnapshotLeases::Release(const std::string& lease, const std::vector<TableBucket>& buckets) {
  std::lock_guard change(change_mutex_);
  auto next = std::make_shared<Leases>(*leases());
  const auto found = next->find(lease);
  if (found == next->end()) return arrow::Status::OK();
  size_t released = 0;
  for (const TableBucket& bucket : buckets) released += found->second.snapshots.erase(bucket);
  if (released == 0) return arrow::Status::OK();
  if (found->second.snapshots.empty()) next->erase(found);
  return Save(std::move(next));
}

arrow::Status SnapshotLeases::Drop(const std::string& lease) {
  std::lock_guard change(change_mutex_);
  auto next = std::make_shared<Leases>(*leases());
  if (next->erase(lease) == 0) return arrow::Status::OK();
  return Save(std::move(next));
}

arrow::Status SnapshotLeases::Forget(const std::set<TableBucket>& buckets, int64_t now_ms) {
  const auto concerned = [&](const auto& entry) {
    const auto holds = [&](const TableBucket& bucket) { return entry.second.snapshots.contains(bucket); };
    return entry.second.expires_ms <= now_ms || std::ranges::any_of(buckets, holds);
  };
  std::lock_guard change(change_mutex_);
  const auto now = leases();
  if (std::ranges::none_of(*now, concerned)) return arrow::Status::OK();
  auto next = std::make_shared<Leases>(*now);
  for (auto& [id, lease] : *next) {
    for (const TableBucket& bucket : buckets) lease.snapshots.erase(bucket);
  }
  std::erase_if(*next,
                [&](const auto& entry) { return entry.second.expires_ms <= now_ms || entry.second.snapshots.empty(); });
  return Save(std::move(next));
}

}  // namespace thalweg::remote
