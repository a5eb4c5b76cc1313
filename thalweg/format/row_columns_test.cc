#include "thalweg/format/row_columns.h"

#include "arrow/array/array_base.h"
#include "arrow/array/builder_base.h"
#include "arrow/builder.h"
#include "gtest/gtest.h"
#include "thalweg/format/arrow_datum.h"
#include "thalweg/format/random_datum_internal.h"
#include "thalweg/format/row_layout.h"
#include "thalweg/schema/arrow_mapping.h"

namespace thalweg::format {
namespace {

// What Arrow cannot hold as the row has it: times of a day that has more hours, and units that are too coarse or too small.
bool IsExact(const schema::DataType& type) {
  if (type.kind == schema::TypeKind::kTime || type.kind == schema::TypeKind::kTimestamp ||
      type.kind == schema::TypeKind::kTimestampLtz) {
    return false;
  }
  for (const auto& child : type.children) {
    if (!IsExact(child.type)) return false;
  }
  return true;
}

TEST(RowColumnsTest, EveryValueOfEveryTypeArrives) {
  for (const RowFormat format : {RowFormat::kCompacted, RowFormat::kIndexed}) {
    std::vector<schema::DataType> types;
    for (const auto& type : EveryColumnType()) {
      // CHAR of INDEXED keeps its padding.
      const bool padded = format == RowFormat::kIndexed && type.ToString().find("CHAR") != std::string::npos;
      if (IsExact(type) && !padded) types.push_back(type);
    }
    const RowLayout layout(format, types);
    RowColumns columns(types, format);
    RandomDatum random(11);
    for (int batch = 0; batch < 3; ++batch) {
      std::vector<std::vector<Datum>> rows;
      RowView view;
      for (int i = 0; i < 50; ++i) {
        auto& row = rows.emplace_back();
        for (const auto& type : types) row.push_back(random.Make(type));
        const auto bytes = EncodeRow(format, row, types).ValueOrDie();
        ASSERT_TRUE(view.Reset(layout, bytes).ok());
        const auto appended = columns.Append(view);
        ASSERT_TRUE(appended.ok()) << appended;
      }
      columns.AppendNulls();
      rows.emplace_back(types.size());
      EXPECT_EQ(columns.rows(), rows.size());
      const auto arrays = columns.Finish().ValueOrDie();
      for (size_t c = 0; c < types.size(); ++c) {
        ASSERT_EQ(arrays[c]->length(), static_cast<int64_t>(rows.size()));
        EXPECT_TRUE(arrays[c]->Validate().ok());
        for (size_t r = 0; r < rows.size(); ++r) {
          EXPECT_EQ(DatumAt(*arrays[c], static_cast<int64_t>(r)), rows[r][c]) << types[c].ToString();
        }
      }
    }
  }
}

}  // namespace
}  // namespace thalweg::format
