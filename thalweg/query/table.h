#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/base/ids.h"
#include "thalweg/catalog/catalog_view.h"
#include "thalweg/catalog/table.h"
#include "thalweg/schema/schema.h"
#include "thalweg/schema/table_path.h"

namespace thalweg::query {

/// What is read under a name.
enum class TableKind : uint8_t {
  kLog,         ///< rows in the order of their offsets
  kPrimaryKey,  ///< the current rows by key
  kChangelog,   ///< NAME$changelog: every image of every change, of either kind of table
  kBinlog,      ///< NAME$binlog: every change, the row before and after it; of tables with a primary key
};

// Names of Fluss. The first three are the first columns of both virtual tables, none of them null: STRING, BIGINT and
// TIMESTAMP_LTZ(3). $changelog goes on with the table's columns; $binlog has two more, ROWs of the table's columns, null where
// there was or is no row.
inline constexpr std::string_view kChangelogSuffix = "$changelog";
inline constexpr std::string_view kBinlogSuffix = "$binlog";
inline constexpr std::string_view kChangeTypeColumn = "_change_type";
inline constexpr std::string_view kLogOffsetColumn = "_log_offset";
inline constexpr std::string_view kCommitTimestampColumn = "_commit_timestamp";
inline constexpr std::string_view kBeforeColumn = "before";
inline constexpr std::string_view kAfterColumn = "after";
inline constexpr size_t kChangeColumns = 3;

/// A table, or a virtual one, as readers and writers see it: one version of it. Immutable; a change of the table after it was
/// found is not seen, but its new partitions are by following scans.
class Table {
 public:
  /// INVALID_TABLE for the binlog of a log table.
  static arrow::Result<std::shared_ptr<const Table>> Make(catalog::TablePtr base, TableKind kind);

  TableKind kind() const { return kind_; }
  bool is_virtual() const { return kind_ == TableKind::kChangelog || kind_ == TableKind::kBinlog; }
  /// With the suffix of a virtual table.
  const schema::TablePath& path() const { return path_; }
  /// The table that holds the data: id, descriptor (keys, options, comment), schemas, partitions.
  const catalog::TablePtr& base() const { return base_; }
  TableId id() const { return base_->id; }

  /// The columns as they are read. Those of the base table keep their ids; the others have ids above all of these. Without
  /// keys where it is virtual.
  const schema::Schema& schema() const { return schema_; }
  /// The same in Arrow (schema/arrow_mapping.h): column i of the one is field i of the other.
  const std::shared_ptr<arrow::Schema>& arrow_schema() const { return arrow_schema_; }
  /// Columns in front of those of the base table.
  size_t added_columns() const { return kind_ == TableKind::kChangelog ? kChangeColumns : 0; }
  /// Position by name. INVALID_COLUMN_PROJECTION, with the name that was probably meant.
  arrow::Result<int> FindColumn(std::string_view name) const;

  int32_t bucket_count() const { return base_->bucket_count(); }
  /// In the order of names; empty where the table is not partitioned.
  std::vector<catalog::PartitionPtr> partitions() const;
  /// All buckets of now.
  std::vector<TableBucket> buckets() const;

 private:
  Table() = default;

  TableKind kind_ = TableKind::kLog;
  schema::TablePath path_;
  catalog::TablePtr base_;
  schema::Schema schema_;
  std::shared_ptr<arrow::Schema> arrow_schema_;
};
using TablePtr = std::shared_ptr<const Table>;

}  // namespace thalweg::query
