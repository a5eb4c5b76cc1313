#include "thalweg/remote/manifest.h"

#include <algorithm>

#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "thalweg/base/error.h"

namespace thalweg::remote {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;

Json ToJson(const RemoteSegment& segment) {
  return {{"segment_id", segment.id},
          {"start_offset", segment.start.value},
          {"end_offset", segment.end.value},
          {"max_timestamp", segment.max_timestamp_ms},
          {"size_in_bytes", segment.bytes},
          {"index_bytes", segment.index_bytes},
          {"time_index_bytes", segment.time_index_bytes},
          {"statistics_bytes", segment.statistics_bytes}};
}

RemoteSegment SegmentOf(const Json& json) {
  return {.id = json.at("segment_id").get<std::string>(),
          .start = LogOffset(json.at("start_offset").get<int64_t>()),
          .end = LogOffset(json.at("end_offset").get<int64_t>()),
          .max_timestamp_ms = json.at("max_timestamp").get<int64_t>(),
          .bytes = json.at("size_in_bytes").get<uint64_t>(),
          .index_bytes = json.value("index_bytes", uint64_t{0}),
          .time_index_bytes = json.value("time_index_bytes", uint64_t{0}),
          .statistics_bytes = json.value("statistics_bytes", uint64_t{0})};
}

Manifest ManifestOf(const Json& json) {
  Manifest manifest;
  manifest.names.database = json.at("database").get<std::string>();
  manifest.names.table = json.at("table").get<std::string>();
  if (json.contains("partition_name")) manifest.names.partition = json.at("partition_name").get<std::string>();
  manifest.bucket.table = TableId(json.at("table_id").get<int64_t>());
  if (json.contains("partition_id")) manifest.bucket.partition = PartitionId(json.at("partition_id").get<int64_t>());
  manifest.bucket.bucket = BucketId(json.at("bucket_id").get<int32_t>());
  for (const Json& segment : json.at("remote_log_segments")) manifest.segments.push_back(SegmentOf(segment));
  manifest.object = json.value("object", std::string());
  return manifest;
}

arrow::Status Damaged(std::string_view why) {
  return Error(ErrorCode::kStorage, "A manifest of remote segments is damaged: {}", why);
}

}  // namespace

uint64_t Manifest::bytes() const {
  uint64_t sum = 0;
  for (const auto& segment : segments) sum += segment.bytes;
  return sum;
}

size_t Manifest::Find(LogOffset offset) const {
  const auto above = std::ranges::upper_bound(segments, offset, {}, &RemoteSegment::start);
  if (above == segments.begin() || offset >= std::prev(above)->end) return segments.size();
  return static_cast<size_t>(std::prev(above) - segments.begin());
}

std::string EncodeManifest(const Manifest& manifest) {
  Json json = {{"version", kVersion}, {"database", manifest.names.database}, {"table", manifest.names.table}};
  if (manifest.names.partition) json["partition_name"] = *manifest.names.partition;
  json["table_id"] = manifest.bucket.table.value;
  if (manifest.bucket.partition != kNoPartition) json["partition_id"] = manifest.bucket.partition.value;
  json["bucket_id"] = manifest.bucket.bucket.value;
  json["remote_log_segments"] = Json::array();
  for (const auto& segment : manifest.segments) json["remote_log_segments"].push_back(ToJson(segment));
  json["object"] = manifest.object;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

arrow::Result<Manifest> DecodeManifest(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    if (const int version = json.at("version").get<int>(); version > kVersion) {
      return Error(ErrorCode::kStorage, "A manifest of remote segments was written by a newer server (version {}).",
                   version);
    }
    Manifest manifest = ManifestOf(json);
    for (size_t i = 0; i < manifest.segments.size(); ++i) {
      const RemoteSegment& segment = manifest.segments[i];
      if (segment.end <= segment.start || segment.bytes > INT32_MAX) return Damaged("a segment makes no sense");
      if (i > 0 && manifest.segments[i - 1].end != segment.start) return Damaged("its segments do not adjoin");
    }
    return manifest;
  } catch (const nlohmann::json::exception& e) {
    return Damaged(e.what());
  }
}

std::string TabletFolder(const TableNames& names, const TableBucket& bucket) {
  std::string folder = fmt::format("log/{}/{}-{}", names.database, names.table, bucket.table);
  if (names.partition) folder += fmt::format("/{}-p{}", *names.partition, bucket.partition);
  return fmt::format("{}/{}", folder, bucket.bucket);
}

std::string SegmentKey(const std::string& tablet_folder, const RemoteSegment& segment, std::string_view ending) {
  return fmt::format("{}/{}/{:020}.{}", tablet_folder, segment.id, segment.start.value, ending);
}

std::string ManifestKey(const std::string& tablet_folder, std::string_view id) {
  return fmt::format("{}/metadata/{}.manifest", tablet_folder, id);
}

}  // namespace thalweg::remote
