#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>

#include "arrow/result.h"
#include "thalweg/base/ids.h"
#include "thalweg/format/row_layout.h"
#include "thalweg/schema/schema.h"

namespace thalweg::kv {

/// All schema versions of a table, and how rows of each are read as rows of the latest. A table that gets a new version gets a
/// new one of these. Thread safety: immutable.
class RowSchemas {
 public:
  /// `versions` is not empty; its last is the latest.
  RowSchemas(format::RowFormat format, std::map<SchemaId, schema::Schema> versions);

  format::RowFormat format() const { return latest_layout_.format(); }
  SchemaId latest_id() const { return versions_.rbegin()->first; }
  const schema::Schema& latest() const { return versions_.rbegin()->second; }
  /// Of rows of the latest version: what a RowWriter takes.
  const format::RowLayout& latest_layout() const { return latest_layout_; }
  /// Of rows of that version, read as those of the latest; null where there is no such version.
  const format::RowLayout* LayoutOf(SchemaId id) const;
  /// Position of the latest version's auto-increment column.
  std::optional<size_t> auto_increment_column() const { return auto_increment_column_; }

 private:
  std::map<SchemaId, schema::Schema> versions_;
  std::map<SchemaId, format::RowLayout> layouts_;
  format::RowLayout latest_layout_;
  std::optional<size_t> auto_increment_column_;
};

}  // namespace thalweg::kv
