#include "thalweg/catalog/cluster.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"
#include "thalweg/base/error.h"
#include "thalweg/schema/table_options.h"

namespace thalweg::catalog {
namespace {

constexpr std::string_view kLakePrefix = "datalake.";
constexpr std::string_view kLakeEnabledConfig = "datalake.enabled";
constexpr std::string_view kKvRateLimit = "kv.rocksdb.shared-rate-limiter.bytes-per-sec";
// Configs are read whole by every client that asks, and kept in memory.
constexpr size_t kConfigsMax = 1000;
constexpr size_t kConfigBytesMax = 4096;

std::string_view TagName(int32_t tag) {
  return tag == kTagPermanentOffline ? "PERMANENT_OFFLINE" : "TEMPORARY_OFFLINE";
}

arrow::Status CheckTag(int32_t tag) {
  if (tag == kTagPermanentOffline || tag == kTagTemporaryOffline) return arrow::Status::OK();
  return Error(ErrorCode::kUnknownServerError,
               "There is no server tag {}: use 0 (PERMANENT_OFFLINE) or 1 "
               "(TEMPORARY_OFFLINE).",
               tag);
}

bool IsSize(std::string_view text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  static constexpr std::string_view kUnits[] = {"", "b", "k", "kb", "m", "mb", "g", "gb", "t", "tb"};
  std::string_view unit = text.substr(digits);
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  return digits > 0 && std::ranges::find(kUnits, unit) != std::end(kUnits);
}

arrow::Status CheckConfig(const std::string& key, const std::string& value) {
  if (key.size() + value.size() > kConfigBytesMax) {
    return Error(ErrorCode::kConfig, "The option {} and its value are longer than {} bytes.", key.substr(0, 100),
                 kConfigBytesMax);
  }
  if (key == kKvRateLimit && !IsSize(value)) {
    return Error(ErrorCode::kConfig, "{}: '{}' is not a size such as 64mb or 1gb.", key, value);
  }
  if (key != kLakeFormatConfig) return arrow::Status::OK();
  const auto known = schema::CheckOptionValue(*schema::FindTableOption(schema::kLakeFormat), value);
  if (known.ok()) return known;
  return Error(ErrorCode::kConfig, "{}: '{}' is none of paimon, lance, iceberg and hudi.", key, value);
}

/// Options of a lake are those of the format that holds.
arrow::Status CheckOfFormat(const std::string& key, const std::string& format) {
  if (key == kLakeFormatConfig || key == kLakeEnabledConfig || !key.starts_with(kLakePrefix))
    return arrow::Status::OK();
  const std::string own = fmt::format("{}{}.", kLakePrefix, format);
  if (!format.empty() && key.starts_with(own)) return arrow::Status::OK();
  return Error(ErrorCode::kConfig, "{} is no option of the lake format that the cluster has: set {} {}.", key,
               kLakeFormatConfig, format.empty() ? "first" : fmt::format("to something else than {} first", format));
}

}  // namespace

bool IsDynamicConfig(std::string_view key) { return key.starts_with(kLakePrefix) || key == kKvRateLimit; }

bool Cluster::SameSettings(const Cluster& other) const {
  return configs == other.configs && server_tags == other.server_tags && rebalance_count == other.rebalance_count &&
         rebalance_id == other.rebalance_id && rebalance_status == other.rebalance_status;
}

arrow::Status Cluster::ChangeConfigs(const std::vector<schema::OptionChange>& changes,
                                     const std::optional<std::string>& own_format) {
  std::map<std::string, std::string> changed = configs;
  for (const auto& change : changes) {
    if (!IsDynamicConfig(change.key)) {
      return Error(ErrorCode::kConfig,
                   "The option {} cannot be changed while the server runs: set it in its configuration.",
                   change.key.substr(0, 100));
    }
    if (change.operation == schema::kOptionDelete) {
      changed.erase(change.key);
    } else if (change.operation != schema::kOptionSet || !change.value) {
      return Error(ErrorCode::kConfig, "The option {} can be set to a value or deleted, nothing else.", change.key);
    } else {
      ARROW_RETURN_NOT_OK(CheckConfig(change.key, *change.value));
      changed[change.key] = *change.value;
    }
  }
  if (changed.size() > kConfigsMax) {
    return Error(ErrorCode::kConfig, "No more than {} options can be set: delete some.", kConfigsMax);
  }
  const auto set_format = changed.find(kLakeFormatConfig);
  const std::string format = set_format != changed.end() ? set_format->second : own_format.value_or("");
  for (const auto& change : changes) {
    if (changed.contains(change.key)) ARROW_RETURN_NOT_OK(CheckOfFormat(change.key, format));
  }
  configs = std::move(changed);
  return arrow::Status::OK();
}

arrow::Status Cluster::AddTag(const std::vector<int32_t>& servers, int32_t tag) {
  ARROW_RETURN_NOT_OK(CheckTag(tag));
  for (const int32_t server : servers) {
    if (server != kOnlyServer) {
      return Error(ErrorCode::kServerNotExist, "There is no server {}; the only one is {}.", server, kOnlyServer);
    }
    const auto found = server_tags.find(server);
    if (found != server_tags.end() && found->second != tag) {
      return Error(ErrorCode::kServerTagAlreadyExist, "Server {} has the tag {}: remove it before you add {}.", server,
                   TagName(found->second), TagName(tag));
    }
  }
  for (const int32_t server : servers) server_tags[server] = tag;
  return arrow::Status::OK();
}

arrow::Status Cluster::RemoveTag(const std::vector<int32_t>& servers, int32_t tag) {
  ARROW_RETURN_NOT_OK(CheckTag(tag));
  for (const int32_t server : servers) {
    const auto found = server_tags.find(server);
    if (found != server_tags.end() && found->second != tag) {
      return Error(ErrorCode::kServerTagNotExist, "Server {} has the tag {}, not {}.", server, TagName(found->second),
                   TagName(tag));
    }
  }
  for (const int32_t server : servers) server_tags.erase(server);
  return arrow::Status::OK();
}

arrow::Status Cluster::Rebalance(const std::vector<int32_t>& goals) {
  if (!goals.empty() && server_tags.contains(kOnlyServer)) {
    return Error(ErrorCode::kRebalanceFailure, "The only server is tagged as offline: remove the tag first.");
  }
  ++rebalance_count;
  // In the form that clients know; never the same twice, which is all that they need.
  rebalance_id = fmt::format("00000000-0000-4000-8000-{:012x}", rebalance_count);
  rebalance_status = RebalanceStatus::kCompleted;
  return arrow::Status::OK();
}

arrow::Status Cluster::CheckRebalance(const std::optional<std::string>& id) const {
  if (!id || rebalance_id.empty() || *id == rebalance_id) return arrow::Status::OK();
  return Error(ErrorCode::kNoRebalanceInProgress, "The last rebalance has the id {}, not {}.", rebalance_id,
               id->substr(0, 100));
}

arrow::Status Cluster::CancelRebalance(const std::optional<std::string>& id) {
  ARROW_RETURN_NOT_OK(CheckRebalance(id));
  if (rebalance_status < RebalanceStatus::kFailed) rebalance_status = RebalanceStatus::kCanceled;
  return arrow::Status::OK();
}

}  // namespace thalweg::catalog
