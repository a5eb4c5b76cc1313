#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proto/fluss.pb.h"
#include "proto/fluss_admin.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/service/handlers.h"
#include "thalweg/service/option_changes.h"
#include "thalweg/service/services.h"
#include "thalweg/service/table_access.h"
#include "thalweg/tablet/engine.h"

// The cluster as a whole, which is this one server.

namespace thalweg::service {
namespace {

constexpr int32_t kHealthGreen = 0;
constexpr int32_t kHealthRed = 2;

std::vector<int32_t> ServersOf(const auto& request) {
  return {request.server_ids().begin(), request.server_ids().end()};
}

std::optional<std::string> RebalanceIdOf(const auto& request) {
  return request.has_rebalance_id() ? std::optional(request.rebalance_id()) : std::nullopt;
}

void AddConfig(const std::string& key, const std::string& value, const char* source,
               pb::DescribeClusterConfigsResponse& to) {
  auto* config = to.add_configs();
  config->set_config_key(key);
  config->set_config_value(value);
  config->set_config_source(source);
}

/// All buckets; each has one replica, and that leads.
int64_t CountBuckets(const catalog::CatalogView& view) {
  int64_t buckets = 0;
  for (const auto& table : view.ListAllTables()) {
    const auto parts = table->IsPartitioned() ? static_cast<int64_t>(table->partitions.size()) : 1;
    buckets += parts * table->bucket_count();
  }
  return buckets;
}

/// Makes a change to the cluster's own record, and answers with nothing but that it is made.
template <typename Response>
runtime::Task<arrow::Result<Reply>> ChangeAndReply(Call& call, auto change) {
  const auto changed = co_await call.services.catalog.ChangeCluster(std::move(change), call.home);
  TW_CO_RETURN_NOT_OK(changed.status());
  co_return MessageReply(call, Response());
}

}  // namespace

runtime::Task<arrow::Result<Reply>> HandleDescribeClusterConfigs(Call call) {
  pb::DescribeClusterConfigsRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  const auto cluster = call.services.catalog.view()->cluster();
  pb::DescribeClusterConfigsResponse response;
  for (const auto& [key, value] : call.services.configuration) {
    if (!cluster->configs.contains(key)) AddConfig(key, value, "INITIAL_SERVER_CONFIG", response);
  }
  for (const auto& [key, value] : cluster->configs) AddConfig(key, value, "DYNAMIC_SERVER_CONFIG", response);
  co_return MessageReply(call, response);
}

runtime::Task<arrow::Result<Reply>> HandleAlterClusterConfigs(Call call) {
  pb::AlterClusterConfigsRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  const auto changes = OptionChangesOf(request.alter_configs());
  const auto& own = call.services.configuration;
  const auto format = own.find(catalog::kLakeFormatConfig);
  const auto own_format = format == own.end() ? std::nullopt : std::optional(format->second);
  co_return co_await ChangeAndReply<pb::AlterClusterConfigsResponse>(
      call, [&](catalog::Cluster& cluster) { return cluster.ChangeConfigs(changes, own_format); });
}

runtime::Task<arrow::Result<Reply>> HandleAddServerTag(Call call) {
  pb::AddServerTagRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  co_return co_await ChangeAndReply<pb::AddServerTagResponse>(
      call, [&](catalog::Cluster& cluster) { return cluster.AddTag(ServersOf(request), request.server_tag()); });
}

runtime::Task<arrow::Result<Reply>> HandleRemoveServerTag(Call call) {
  pb::RemoveServerTagRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  co_return co_await ChangeAndReply<pb::RemoveServerTagResponse>(
      call, [&](catalog::Cluster& cluster) { return cluster.RemoveTag(ServersOf(request), request.server_tag()); });
}

runtime::Task<arrow::Result<Reply>> HandleRebalance(Call call) {
  pb::RebalanceRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  for (const int32_t goal : request.goals()) {
    if (goal < 0 || goal > 2) {
      co_return Error(ErrorCode::kUnknownServerError,
                      "There is no goal {}: use 0 (replicas), 1 (leaders) or 2 (racks).", goal);
    }
  }
  const std::vector<int32_t> goals(request.goals().begin(), request.goals().end());
  const auto changed = co_await call.services.catalog.ChangeCluster(
      [&](catalog::Cluster& cluster) { return cluster.Rebalance(goals); }, call.home);
  TW_CO_RETURN_NOT_OK(changed.status());
  pb::RebalanceResponse response;
  response.set_rebalance_id((*changed)->rebalance_id);
  co_return MessageReply(call, response);
}

runtime::Task<arrow::Result<Reply>> HandleListRebalanceProgress(Call call) {
  pb::ListRebalanceProgressRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  const auto cluster = call.services.catalog.view()->cluster();
  TW_CO_RETURN_NOT_OK(cluster->CheckRebalance(RebalanceIdOf(request)));
  pb::ListRebalanceProgressResponse response;
  if (!cluster->rebalance_id.empty()) {
    response.set_rebalance_id(cluster->rebalance_id);
    response.set_rebalance_status(static_cast<int32_t>(cluster->rebalance_status));
  }
  co_return MessageReply(call, response);
}

runtime::Task<arrow::Result<Reply>> HandleCancelRebalance(Call call) {
  pb::CancelRebalanceRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  co_return co_await ChangeAndReply<pb::CancelRebalanceResponse>(
      call, [&](catalog::Cluster& cluster) { return cluster.CancelRebalance(RebalanceIdOf(request)); });
}

runtime::Task<arrow::Result<Reply>> HandleGetClusterHealth(Call call) {
  pb::GetClusterHealthRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  const auto buckets = static_cast<int32_t>(std::min<int64_t>(CountBuckets(*call.services.catalog.view()), INT32_MAX));
  // After a failed journal write nothing leads any more in the sense of the protocol: writers are refused.
  const bool writable = call.services.engine.health().ok();
  pb::GetClusterHealthResponse response;
  response.set_num_replicas(buckets);
  response.set_in_sync_replicas(buckets);
  response.set_num_leader_replicas(buckets);
  response.set_active_leader_replicas(writable ? buckets : 0);
  response.set_status(writable ? kHealthGreen : kHealthRed);
  co_return MessageReply(call, response);
}

// No lake is written yet, so no table has a snapshot there.
runtime::Task<arrow::Result<Reply>> HandleGetLakeSnapshot(Call call) {
  pb::GetLakeSnapshotRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  if (request.readable() && request.has_snapshot_id()) {
    co_return Error(ErrorCode::kUnknownServerError,
                    "Ask for one snapshot by its id or for the latest readable one, not both.");
  }
  TW_CO_ASSIGN_OR_RETURN(const auto table, call.services.catalog.view()->GetTable(PathOf(request.table_path())));
  co_return Error(ErrorCode::kLakeSnapshotNotExist, "Table {} has no snapshot in a lake.", table->path);
}

}  // namespace thalweg::service
