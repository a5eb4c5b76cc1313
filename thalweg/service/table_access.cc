#include "thalweg/service/table_access.h"

#include "fmt/format.h"
#include "proto/fluss.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/service/services.h"

namespace thalweg::service {

schema::TablePath PathOf(const pb::PbTablePath& path) { return {path.database_name(), path.table_name()}; }

schema::TablePath PathOf(const pb::PbPhysicalTablePath& path) { return {path.database_name(), path.table_name()}; }

arrow::Result<TableAccess> TableAccess::Find(const Services& services, TableId id) {
  TableAccess access;
  access.view_ = services.catalog.view();
  access.table_ = access.view_->FindTable(id);
  if (!access.table_) return Error(ErrorCode::kUnknownTableOrBucket, "There is no table with id {} (any more).", id);
  return access;
}

std::string TableAccess::path_text() const { return fmt::format("{}", table_->path); }

arrow::Status TableAccess::CheckLogTable() const {
  if (!table_->descriptor->HasPrimaryKey()) return arrow::Status::OK();
  return Error(ErrorCode::kInvalidTable, "{} has a primary key: write rows to it, its changelog follows.",
               table_->path);
}

arrow::Status TableAccess::CheckPrimaryKeyTable() const {
  if (table_->descriptor->HasPrimaryKey()) return arrow::Status::OK();
  return Error(ErrorCode::kNonPrimaryKeyTable, "{} has no primary key, hence no rows by key: append to it, scan it.",
               table_->path);
}

arrow::Status TableAccess::CheckKeyVersion(int16_t version) const {
  if (version > 0) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto* config, table_->layout->Config());
  const bool changed =
      config->lake_format && config->kv_format_version == 2 && !table_->descriptor->HasDefaultBucketKey();
  if (!changed) return arrow::Status::OK();
  return Error(ErrorCode::kUnsupportedVersion,
               "The client is too old for {}: it would encode keys in another way. Use a later Fluss client.",
               table_->path);
}

arrow::Status TableAccess::CheckBucket(PartitionId partition, BucketId bucket) const {
  return view_->CheckBucket({table_->id, partition, bucket});
}

}  // namespace thalweg::service
