#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "thalweg/schema/schema.h"

namespace thalweg::schema {

/// What a client says of a table (`table_json`), and what the server answers with its defaults filled in.
struct TableDescriptor {
  Schema schema{};
  std::optional<std::string> comment{};
  /// Empty for a table without partitions.
  std::vector<std::string> partition_keys{};
  /// Columns whose hash chooses a row's bucket; empty where any bucket will do. A table with a primary key always has
  /// one.
  std::vector<std::string> bucket_keys{};
  /// Absent until the server fills it in.
  std::optional<int32_t> bucket_count{};
  /// Options of the table, all named "table.…".
  std::map<std::string, std::string> properties{};
  /// The user's own.
  std::map<std::string, std::string> custom_properties{};

  /// Parses and then Normalize()s: INVALID_TABLE where either fails.
  static arrow::Result<TableDescriptor> FromJson(std::string_view json);
  std::string ToJson() const;

  /// Gives a table with a primary key its default bucket key (the primary key less the partition keys), and checks that
  /// the keys of all three kinds fit the columns and each other.
  arrow::Status Normalize();

  bool IsPartitioned() const { return !partition_keys.empty(); }
  bool HasPrimaryKey() const { return schema.HasPrimaryKey(); }
  /// Whether the bucket key is the one that Normalize would choose.
  bool HasDefaultBucketKey() const;
  /// Positions of columns by name. Of keys that Normalize has checked.
  std::vector<size_t> IndexesOf(const std::vector<std::string>& names) const;

  bool operator==(const TableDescriptor&) const = default;
};

}  // namespace thalweg::schema
