#include "proto/fluss.pb.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/service/handlers.h"
#include "thalweg/service/services.h"
#include "thalweg/service/table_access.h"
#include "thalweg/upkeep/dropped_data.h"

namespace thalweg::service {
namespace {

schema::PartitionSpec SpecOf(const pb::PbPartitionSpec& spec) {
  schema::PartitionSpec result;
  for (const auto& pair : spec.partition_key_values()) result.emplace_back(pair.key(), pair.value());
  return result;
}

}  // namespace

// The field is called ignore_if_not_exists, but says whether an existing partition is fine.
runtime::Task<arrow::Result<Reply>> HandleCreatePartition(Call call) {
  pb::CreatePartitionRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  const auto changed = co_await call.services.catalog.CreatePartition(
      PathOf(request.table_path()), SpecOf(request.partition_spec()), request.ignore_if_not_exists(), call.home);
  TW_CO_RETURN_NOT_OK(changed.status());
  co_return MessageReply(call, pb::CreatePartitionResponse());
}

runtime::Task<arrow::Result<Reply>> HandleDropPartition(Call call) {
  pb::DropPartitionRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  const auto path = PathOf(request.table_path());
  const auto table = call.services.catalog.view()->FindTable(path);
  auto dropped = co_await call.services.catalog.DropPartition(path, SpecOf(request.partition_spec()),
                                                              request.ignore_if_not_exists(), call.home);
  TW_CO_RETURN_NOT_OK(dropped.status());
  if (*dropped && table) {
    const PartitionId partition = (*dropped)->id;
    call.services.dropped_data.Remove({table->id, partition}, upkeep::BucketsOf(*table, partition), call.home);
  }
  co_return MessageReply(call, pb::DropPartitionResponse());
}

runtime::Task<arrow::Result<Reply>> HandleListPartitionInfos(Call call) {
  pb::ListPartitionInfosRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  const auto view = call.services.catalog.view();
  const auto path = PathOf(request.table_path());
  TW_CO_ASSIGN_OR_RETURN(const auto table, view->GetTable(path));
  TW_CO_ASSIGN_OR_RETURN(const auto partitions, view->ListPartitions(path, SpecOf(request.partial_partition_spec())));
  pb::ListPartitionInfosResponse response;
  for (const auto& partition : partitions) {
    auto* info = response.add_partitions_info();
    info->set_partition_id(partition->id.value);
    auto* spec = info->mutable_partition_spec();
    for (size_t i = 0; i < partition->values.size(); ++i) {
      auto* pair = spec->add_partition_key_values();
      pair->set_key(table->descriptor->partition_keys[i]);
      pair->set_value(partition->values[i]);
    }
  }
  co_return MessageReply(call, response);
}

}  // namespace thalweg::service
