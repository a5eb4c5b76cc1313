#include "thalweg/remote/snapshot_manifest.h"

#include <algorithm>

#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "thalweg/base/error.h"

namespace thalweg::remote {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;

std::string Print(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json FilesOf(const KvSnapshot& snapshot, bool shared, const std::string& root) {
  Json files = Json::array();
  for (const auto& file : snapshot.files) {
    if (file.shared != shared) continue;
    files.push_back({{"kv_file_handle", {{"path", root + file.key}, {"size", file.bytes}}}, {"local_path", file.name}});
  }
  return files;
}

Json ToJson(const TableBucket& bucket, const std::string& folder, const KvSnapshot& snapshot, const std::string& root) {
  Json json = {{"version", kVersion}, {"table_id", bucket.table.value}};
  if (bucket.partition != kNoPartition) json["partition_id"] = bucket.partition.value;
  json["bucket_id"] = bucket.bucket.value;
  json["snapshot_id"] = snapshot.id;
  json["snapshot_location"] = root + SnapshotFolder(folder, snapshot.id);
  json["kv_snapshot_handle"] = {{"shared_file_handles", FilesOf(snapshot, true, root)},
                                {"private_file_handles", FilesOf(snapshot, false, root)},
                                {"snapshot_incremental_size", snapshot.incremental_bytes}};
  json["log_offset"] = snapshot.log_offset.value;
  if (snapshot.row_count) json["row_count"] = *snapshot.row_count;
  return json;
}

void TakeFiles(const Json& json, bool shared, KvSnapshot& snapshot) {
  for (const Json& file : json) {
    const Json& handle = file.at("kv_file_handle");
    snapshot.files.push_back({.name = file.at("local_path").get<std::string>(),
                              .key = handle.at("path").get<std::string>(),
                              .bytes = handle.at("size").get<uint64_t>(),
                              .shared = shared});
  }
}

KvSnapshot SnapshotOf(const Json& json) {
  KvSnapshot snapshot;
  snapshot.id = json.at("snapshot_id").get<int64_t>();
  snapshot.log_offset = LogOffset(json.at("log_offset").get<int64_t>());
  if (json.contains("row_count")) snapshot.row_count = json.at("row_count").get<int64_t>();
  snapshot.lineage = json.at("lineage").get<std::string>();
  const Json& handle = json.at("kv_snapshot_handle");
  snapshot.incremental_bytes = handle.at("snapshot_incremental_size").get<uint64_t>();
  TakeFiles(handle.at("private_file_handles"), false, snapshot);
  TakeFiles(handle.at("shared_file_handles"), true, snapshot);
  return snapshot;
}

arrow::Status Damaged(std::string_view why) {
  return Error(ErrorCode::kStorage, "A list of snapshots is damaged: {}", why);
}

}  // namespace

const KvSnapshot* SnapshotManifest::Find(int64_t id) const {
  const auto found = std::ranges::find(snapshots, id, &KvSnapshot::id);
  return found == snapshots.end() ? nullptr : &*found;
}

std::string EncodeSnapshotManifest(const SnapshotManifest& manifest) {
  Json json = {{"version", kVersion}, {"database", manifest.names.database}, {"table", manifest.names.table}};
  if (manifest.names.partition) json["partition_name"] = *manifest.names.partition;
  json["table_id"] = manifest.bucket.table.value;
  if (manifest.bucket.partition != kNoPartition) json["partition_id"] = manifest.bucket.partition.value;
  json["bucket_id"] = manifest.bucket.bucket.value;
  json["next_snapshot_id"] = manifest.next_id;
  json["snapshots"] = Json::array();
  const std::string folder = SnapshotsFolder(manifest.names, manifest.bucket);
  for (const auto& snapshot : manifest.snapshots) {
    Json entry = ToJson(manifest.bucket, folder, snapshot, "");
    entry["lineage"] = snapshot.lineage;
    json["snapshots"].push_back(std::move(entry));
  }
  return Print(json);
}

arrow::Result<SnapshotManifest> DecodeSnapshotManifest(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    if (const int version = json.at("version").get<int>(); version > kVersion) {
      return Error(ErrorCode::kStorage, "A list of snapshots was written by a newer server (version {}).", version);
    }
    SnapshotManifest manifest;
    manifest.names.database = json.at("database").get<std::string>();
    manifest.names.table = json.at("table").get<std::string>();
    if (json.contains("partition_name")) manifest.names.partition = json.at("partition_name").get<std::string>();
    manifest.bucket.table = TableId(json.at("table_id").get<int64_t>());
    if (json.contains("partition_id")) manifest.bucket.partition = PartitionId(json.at("partition_id").get<int64_t>());
    manifest.bucket.bucket = BucketId(json.at("bucket_id").get<int32_t>());
    manifest.next_id = json.at("next_snapshot_id").get<int64_t>();
    for (const Json& snapshot : json.at("snapshots")) {
      manifest.snapshots.push_back(SnapshotOf(snapshot));
      if (manifest.snapshots.back().id >= manifest.next_id)
        return Damaged("it has used a number that it would give out");
    }
    return manifest;
  } catch (const nlohmann::json::exception& e) {
    return Damaged(e.what());
  }
}

std::string EncodeSnapshot(const TableBucket& bucket, const std::string& folder, const KvSnapshot& snapshot,
                           const std::string& root) {
  return Print(ToJson(bucket, folder, snapshot, root));
}

std::string SnapshotsFolder(const TableNames& names, const TableBucket& bucket) {
  std::string folder = fmt::format("kv/{}/{}-{}", names.database, names.table, bucket.table);
  if (names.partition) folder += fmt::format("/{}-p{}", *names.partition, bucket.partition);
  return fmt::format("{}/{}", folder, bucket.bucket);
}

std::string SnapshotFolder(const std::string& snapshots_folder, int64_t id) {
  return fmt::format("{}/snap-{}", snapshots_folder, id);
}

std::string SharedFolder(const std::string& snapshots_folder) { return snapshots_folder + "/shared"; }

}  // namespace thalweg::remote
