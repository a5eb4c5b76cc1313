#include "proto/fluss.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/service/handlers.h"
#include "thalweg/service/services.h"

namespace thalweg::service {
namespace {

void FillNode(const net::Address& address, pb::PbServerNode* node) {
  node->set_node_id(kServerId);
  node->set_host(address.host);
  node->set_port(address.port);
}

template <typename Message>
void FillBuckets(const catalog::Table& table, Message* to) {
  for (int32_t i = 0; i < table.bucket_count(); ++i) {
    auto* bucket = to->add_bucket_metadata();
    bucket->set_bucket_id(i);
    bucket->set_leader_id(kServerId);
    bucket->add_replica_id(kServerId);
    bucket->set_leader_epoch(0);
  }
}

void FillTable(const catalog::Table& table, pb::PbTableMetadata* to) {
  to->mutable_table_path()->set_database_name(table.path.database);
  to->mutable_table_path()->set_table_name(table.path.table);
  to->set_table_id(table.id.value);
  to->set_schema_id(table.schema_id().value);
  to->set_table_json(table.descriptor->ToJson());
  to->set_created_time(table.created_ms);
  to->set_modified_time(table.modified_ms);
  if (!table.IsPartitioned()) FillBuckets(table, to);
}

void FillPartition(const catalog::Table& table, const catalog::Partition& partition, pb::PbPartitionMetadata* to) {
  to->set_table_id(table.id.value);
  to->set_partition_id(partition.id.value);
  to->set_partition_name(partition.name);
  FillBuckets(table, to);
}

arrow::Status AddPartition(const catalog::CatalogView& view, const pb::PbPhysicalTablePath& path,
                           pb::MetadataResponse* to) {
  ARROW_ASSIGN_OR_RAISE(const auto table, view.GetTable({path.database_name(), path.table_name()}));
  const catalog::PartitionPtr* partition = table->partitions.Find(path.partition_name());
  if (!partition) {
    return Error(ErrorCode::kPartitionNotExists, "{} has no partition {}.", table->path, path.partition_name());
  }
  FillPartition(*table, **partition, to->add_partition_metadata());
  return arrow::Status::OK();
}

}  // namespace

// Exactly what was asked for: clients look partitions up in tables that they know already.
runtime::Task<arrow::Result<Reply>> HandleGetMetadata(Call call) {
  pb::MetadataRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  const auto view = call.services.catalog.view();
  pb::MetadataResponse response;
  FillNode(call.services.advertised, response.mutable_coordinator_server());
  FillNode(call.services.advertised, response.add_tablet_servers());
  for (const auto& path : request.table_path()) {
    TW_CO_ASSIGN_OR_RETURN(const auto table, view->GetTable({path.database_name(), path.table_name()}));
    FillTable(*table, response.add_table_metadata());
  }
  for (const auto& path : request.partitions_path()) TW_CO_RETURN_NOT_OK(AddPartition(*view, path, &response));
  for (const int64_t id : request.partitions_id()) {
    const auto partition = view->FindPartition(PartitionId(id));
    if (!partition) co_return Error(ErrorCode::kPartitionNotExists, "There is no partition with id {} (any more).", id);
    FillPartition(*view->FindTable(partition->table), *partition, response.add_partition_metadata());
  }
  co_return MessageReply(call, response);
}

}  // namespace thalweg::service
