#include "thalweg/client/row_router.h"

#include <utility>

#include "arrow/record_batch.h"
#include "thalweg/base/error.h"
#include "thalweg/runtime/random.h"

namespace thalweg::client {

arrow::Result<std::unique_ptr<RowRouter>> RowRouter::Make(Connection& connection, TableInfo table,
                                                          NoPartitionYet missing) {
  // Not always the same bucket first: many short runs should fill all of them.
  auto placer = format::RowPlacer::Make(table.descriptor, runtime::SystemRandom().Next());
  if (!placer.ok()) return Error(CodeOf(placer.status()), "{}: {}", table.path, placer.status().message());
  std::unique_ptr<RowRouter> router(new RowRouter(connection, std::move(table), std::move(*placer), missing));
  if (router->table_.descriptor.IsPartitioned()) {
    ARROW_ASSIGN_OR_RAISE(const auto partitions, ListPartitions(connection, router->table_));
    for (const auto& partition : partitions) router->partitions_[partition.values] = partition.id;
  }
  return router;
}

arrow::Result<std::optional<PartitionId>> RowRouter::PartitionOf(const std::vector<std::string>& values) {
  if (values.empty()) return kNoPartition;
  const auto known = partitions_.find(values);
  if (known != partitions_.end()) return known->second;
  if (missing_ == NoPartitionYet::kLeaveRowsOut) return std::nullopt;
  ARROW_RETURN_NOT_OK(CreatePartition(connection_, table_, values));
  ARROW_ASSIGN_OR_RAISE(const auto partitions, ListPartitions(connection_, table_));
  for (const auto& partition : partitions) partitions_[partition.values] = partition.id;
  const auto created = partitions_.find(values);
  if (created != partitions_.end()) return created->second;
  return Error(ErrorCode::kPartitionNotExists, "{} has no partition {}, although it was just created.", table_.path,
               schema::PartitionName(values));
}

arrow::Result<std::vector<RoutedRows>> RowRouter::Route(const std::shared_ptr<arrow::RecordBatch>& rows) {
  ARROW_ASSIGN_OR_RAISE(const auto placed, placer_.Place(*rows));
  std::vector<RoutedRows> routed;
  for (const auto& place : placed) {
    ARROW_ASSIGN_OR_RAISE(const auto partition, PartitionOf(place.partition));
    if (!partition) continue;
    ARROW_ASSIGN_OR_RAISE(auto picked, format::PickRows(rows, place.rows));
    routed.push_back({*partition, place.bucket, std::move(picked)});
  }
  return routed;
}

}  // namespace thalweg::client
