#include <optional>
#include <unordered_set>

#include "proto/fluss.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/service/access.h"
#include "thalweg/service/handlers.h"
#include "thalweg/service/services.h"
#include "thalweg/service/table_access.h"

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

/// The answer to one request, with what this client can bear.
///
/// fluss-rust 1.0.0 looks the table of a partition up among the tables that it knew *before* the answer, and panics where
/// it is missing: so after every restart of the server, since it then forgets all tables. A partition of a table that it
/// cannot know yet is therefore held back, and the table is told instead; the client asks again, and then can take it.
class Answer {
 public:
  Answer(const Call& call, const catalog::CatalogView& view) : view_(view), connection_(call.connection) {
    FillNode(connection_.advertised, response_.mutable_coordinator_server());
    FillNode(connection_.advertised, response_.add_tablet_servers());
    if (connection_.client_name == "fluss-rust") known_ = connection_.tables_told;
  }

  void AddTable(const catalog::Table& table) {
    if (!added_.insert(table.id).second) return;
    FillTable(table, response_.add_table_metadata());
    if (known_) connection_.tables_told.insert(table.id);
  }

  void AddPartition(const catalog::Table& table, const catalog::Partition& partition) {
    if (known_ && !known_->contains(table.id)) {
      AddTable(table);
    } else {
      FillPartition(table, partition, response_.add_partition_metadata());
    }
  }

  arrow::Status AddPartition(const pb::PbPhysicalTablePath& path) {
    ARROW_ASSIGN_OR_RAISE(const auto table, view_.GetTable(PathOf(path)));
    const catalog::PartitionPtr* partition = table->partitions.Find(path.partition_name());
    if (!partition) {
      return Error(ErrorCode::kPartitionNotExists, "{} has no partition {}.", table->path, path.partition_name());
    }
    AddPartition(*table, **partition);
    return arrow::Status::OK();
  }

  const pb::MetadataResponse& response() const { return response_; }

 private:
  const catalog::CatalogView& view_;
  Connection& connection_;
  std::optional<std::unordered_set<TableId>> known_;
  std::unordered_set<TableId> added_;
  pb::MetadataResponse response_;
};

}  // namespace

// Exactly what was asked for: clients look partitions up in tables that they know already.
runtime::Task<arrow::Result<Reply>> HandleGetMetadata(Call call) {
  pb::MetadataRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  const auto view = call.services.catalog.view();
  Answer answer(call, *view);
  // As in Fluss: what the client may not see is left out, without a word.
  const auto hidden = [&](const schema::TablePath& path) {
    return !MayDo(call, security::Operation::kDescribe, ResourceOf(path));
  };
  for (const auto& path : request.table_path()) {
    if (hidden(PathOf(path))) continue;
    TW_CO_ASSIGN_OR_RETURN(const auto table, view->GetTable(PathOf(path)));
    answer.AddTable(*table);
  }
  for (const auto& path : request.partitions_path()) {
    if (!hidden(PathOf(path))) TW_CO_RETURN_NOT_OK(answer.AddPartition(path));
  }
  for (const int64_t id : request.partitions_id()) {
    const auto partition = view->FindPartition(PartitionId(id));
    if (!partition) co_return Error(ErrorCode::kPartitionNotExists, "There is no partition with id {} (any more).", id);
    const auto table = view->FindTable(partition->table);
    if (!hidden(table->path)) answer.AddPartition(*table, *partition);
  }
  co_return MessageReply(call, answer.response());
}

}  // namespace thalweg::service
