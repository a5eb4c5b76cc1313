#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "thalweg/base/ids.h"
#include "thalweg/catalog/persistent_map.h"
#include "thalweg/catalog/table_layout.h"
#include "thalweg/schema/schema.h"
#include "thalweg/schema/table_descriptor.h"
#include "thalweg/schema/table_path.h"

namespace thalweg::catalog {

/// A table, or one partition of it, that is gone while its data may still be there.
struct Dropped {
  TableId table{};
  PartitionId partition = kNoPartition;  ///< none: the table with all its partitions
  bool operator==(const Dropped&) const = default;
};

/// One partition of a table. Immutable.
struct Partition {
  PartitionId id{};
  TableId table{};
  std::string name{};  ///< "2026$eu"
  std::vector<std::string> values{};
  int64_t created_ms = 0;  ///< wall clock
};
using PartitionPtr = std::shared_ptr<const Partition>;

/// A table at one moment. Immutable: every change makes a new one, which shares what did not change.
struct Table {
  TableId id{};
  schema::TablePath path{};
  /// With the latest schema and the server's defaults filled in; never null.
  std::shared_ptr<const schema::TableDescriptor> descriptor{};
  /// All schema versions, oldest first: schemas[0] is version 1. Never empty.
  std::vector<std::shared_ptr<const schema::Schema>> schemas{};
  /// Of this descriptor and these schemas: whoever changes one of them makes a new one. Never null.
  std::shared_ptr<const TableLayout> layout{};
  PersistentMap<std::string, PartitionPtr> partitions{};  ///< by name
  int64_t created_ms = 0;                                 ///< wall clock
  int64_t modified_ms = 0;
  int64_t revision = 0;  ///< of the table's entry in the MetaStore

  SchemaId schema_id() const { return SchemaId(static_cast<int16_t>(schemas.size())); }
  const schema::Schema& schema() const { return *schemas.back(); }
  /// nullptr where there is no such version.
  std::shared_ptr<const schema::Schema> FindSchema(SchemaId id) const;
  int32_t bucket_count() const { return descriptor->bucket_count.value_or(1); }
  bool IsPartitioned() const { return descriptor->IsPartitioned(); }
};
using TablePtr = std::shared_ptr<const Table>;

}  // namespace thalweg::catalog
