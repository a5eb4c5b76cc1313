#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/ids.h"
#include "thalweg/catalog/catalog_view.h"
#include "thalweg/catalog/table.h"
#include "thalweg/schema/table_path.h"

namespace thalweg::pb {
class PbPhysicalTablePath;
class PbTablePath;
}  // namespace thalweg::pb

namespace thalweg::service {

struct Services;

schema::TablePath PathOf(const pb::PbTablePath& path);
/// Of the table that the partition belongs to.
schema::TablePath PathOf(const pb::PbPhysicalTablePath& path);

/// A table as requests for its data see it.
class TableAccess {
 public:
  /// UNKNOWN_TABLE_OR_BUCKET: there is no such table, or no longer.
  static arrow::Result<TableAccess> Find(const Services& services, TableId id);

  const catalog::Table& table() const { return *table_; }
  std::string path_text() const;

  /// The table's bucket of that number, in the partition that `message` names, if it names one.
  template <typename Message>
  TableBucket BucketOf(const Message& message, int32_t bucket) const {
    return {table_->id, message.has_partition_id() ? PartitionId(message.partition_id()) : kNoPartition,
            BucketId(bucket)};
  }

  /// INVALID_TABLE for a table with a primary key: its log is the server's to write.
  arrow::Status CheckLogTable() const;
  /// NON_PRIMARY_KEY_TABLE for a log table: it has no rows by key.
  arrow::Status CheckPrimaryKeyTable() const;
  /// UNSUPPORTED_VERSION where `version` of a request is of clients that encode keys of this table in another way.
  arrow::Status CheckKeyVersion(int16_t version) const;
  /// UNKNOWN_TABLE_OR_BUCKET, PARTITION_NOT_EXISTS.
  arrow::Status CheckBucket(PartitionId partition, BucketId bucket) const;

 private:
  catalog::CatalogViewPtr view_;
  catalog::TablePtr table_;
};

}  // namespace thalweg::service
