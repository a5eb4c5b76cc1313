#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "thalweg/base/endian.h"
#include "thalweg/format/row_format.h"
#include "thalweg/format/row_view.h"
#include "thalweg/kv/row_merger.h"
#include "thalweg/kv/row_schemas.h"
#include "thalweg/schema/schema.h"

namespace thalweg::kv {

using format::Datum;
using format::RowFormat;
using Cells = std::vector<Datum>;

inline Datum N(int64_t value) { return Datum{value}; }
inline Datum T(std::string value) { return Datum{std::move(value)}; }
inline Datum B(bool value) { return Datum{value}; }
inline Datum F(double value) { return Datum{value}; }
inline Datum D(format::Int128 value) { return Datum{value}; }
inline Datum Ts(int64_t millis, int32_t nanos) { return Datum{format::TimestampValue{millis, nanos}}; }
inline Datum Null() { return Datum{}; }

inline schema::Column Col(std::string name, schema::DataType type, std::string agg = "", std::string delimiter = "") {
  schema::Column column{.name = std::move(name), .type = std::move(type)};
  if (!agg.empty()) {
    column.agg_function = schema::AggFunction{std::move(agg), {}};
    if (!delimiter.empty()) column.agg_function->parameters["delimiter"] = std::move(delimiter);
  }
  return column;
}

/// A table's schema versions and options, and the rows of one bucket as a plain list of cells.
struct TestTable {
  schema::Schema first;
  std::optional<schema::Schema> second;
  MergeRules rules;
  RowFormat format = RowFormat::kCompacted;

  explicit TestTable(std::vector<schema::Column> columns, std::vector<std::string> key = {"k"},
                     std::vector<std::string> numbered = {}) {
    schema::Schema::Parts parts;
    parts.columns = std::move(columns);
    parts.primary_key = std::move(key);
    parts.auto_increment_columns = std::move(numbered);
    auto made = schema::Schema::Make(std::move(parts));
    EXPECT_TRUE(made.ok()) << made.status();
    first = *made;
  }

  std::shared_ptr<const RowSchemas> Schemas() const {
    std::map<SchemaId, schema::Schema> versions{{SchemaId(1), first}};
    if (second) versions.emplace(SchemaId(2), *second);
    return std::make_shared<RowSchemas>(format, std::move(versions));
  }

  std::vector<uint8_t> Row(const Cells& cells, int16_t version = 1) const {
    std::vector<schema::DataType> types;
    for (const schema::Column& column : (version == 1 ? first : *second).columns()) types.push_back(column.type);
    auto row = format::EncodeRow(format, cells, types);
    EXPECT_TRUE(row.ok()) << row.status();
    return *row;
  }

  /// As it is stored.
  std::vector<uint8_t> Value(const Cells& cells, int16_t version = 1) const {
    std::vector<uint8_t> value(sizeof version);
    StoreLittle<int16_t>(value.data(), version);
    const std::vector<uint8_t> row = Row(cells, version);
    value.insert(value.end(), row.begin(), row.end());
    return value;
  }
};

inline Cells CellsOf(const format::RowView& row) {
  Cells cells;
  for (size_t i = 0; i < row.column_count(); ++i) cells.push_back(*row.ToDatum(i));
  return cells;
}

}  // namespace thalweg::kv
