#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "thalweg/schema/data_type.h"

namespace thalweg::schema {

/// Bounds what one CREATE TABLE can make the server do; far beyond what tables have.
inline constexpr size_t kColumnCountMax = 16'384;

/// How a column of an AGGREGATION table combines values. Kept as clients give it; checked by table_validation.h.
struct AggFunction {
  /// Lower case, with underscores: "last_value".
  std::string type{};
  std::map<std::string, std::string> parameters{};

  bool operator==(const AggFunction&) const = default;
};

struct Column {
  std::string name{};
  DataType type{};
  std::optional<std::string> comment{};
  /// Never changes and never comes back, so readers can relate the columns of two schema versions.
  int32_t id = kNoFieldId;
  std::optional<AggFunction> agg_function{};

  bool operator==(const Column&) const = default;
};

/// The columns of a table and what identifies its rows. Immutable; a changed table has a new Schema.
///
/// Invariants:
///  1. Column names differ; there is at least one column.
///  2. The ids of columns and of the fields inside them come from one number space, differ, and are at most
///     highest_field_id().
///  3. Primary key columns exist, differ and are NOT NULL.
///  4. At most one auto-increment column: INT or BIGINT, outside the primary key of a table that has one.
class Schema {
 public:
  struct Parts {
    std::vector<Column> columns{};
    /// Empty for a log table.
    std::vector<std::string> primary_key{};
    std::vector<std::string> auto_increment_columns{};
    /// The highest id in use where absent.
    std::optional<int32_t> highest_field_id{};
  };

  /// An empty schema, for members that are assigned later. It breaks invariant 1.
  Schema() = default;

  /// INVALID_TABLE where an invariant cannot be had. Where no column has an id, positions become ids; where no field
  /// inside them has one, these take the numbers that follow. Ids that some have and others lack are refused. Primary
  /// key columns become NOT NULL.
  static arrow::Result<Schema> Make(Parts parts);

  /// The document that clients call `schema_json`. Ids are kept as given.
  static arrow::Result<Schema> FromJson(std::string_view json);
  std::string ToJson() const;

  const std::vector<Column>& columns() const { return parts_.columns; }
  size_t column_count() const { return parts_.columns.size(); }
  const std::vector<std::string>& primary_key() const { return parts_.primary_key; }
  bool HasPrimaryKey() const { return !parts_.primary_key.empty(); }
  const std::vector<std::string>& auto_increment_columns() const { return parts_.auto_increment_columns; }
  int32_t highest_field_id() const { return parts_.highest_field_id.value_or(kNoFieldId); }

  /// Position of a column, by name or by id.
  std::optional<size_t> IndexOf(std::string_view name) const;
  std::optional<size_t> IndexOfId(int32_t id) const;
  /// Positions of the primary key's columns, in its order.
  std::vector<size_t> PrimaryKeyIndexes() const;

  /// This schema with `column` at its end. It and the fields inside it get the ids after highest_field_id(), whatever
  /// ids they carry.
  arrow::Result<Schema> WithColumn(Column column) const;

  bool operator==(const Schema& other) const;

 private:
  explicit Schema(Parts parts) : parts_(std::move(parts)) {}

  Parts parts_;
};

}  // namespace thalweg::schema
