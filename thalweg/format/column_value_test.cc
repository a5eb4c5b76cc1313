#include "thalweg/format/column_value.h"

#include <gtest/gtest.h>

#include "arrow/array/array_base.h"
#include "arrow/array/array_binary.h"
#include "arrow/array/builder_base.h"
#include "arrow/builder.h"
#include "thalweg/format/arrow_datum.h"
#include "thalweg/format/random_datum_internal.h"
#include "thalweg/format/row_format.h"
#include "thalweg/format/row_layout.h"
#include "thalweg/schema/arrow_mapping.h"

namespace thalweg::format {
namespace {

TEST(ColumnValue, ColumnsOfEveryTypeAreWhatWasWritten) {
  RandomDatum random(7);
  for (const schema::DataType& type : EveryColumnType()) {
    for (const RowFormat format : {RowFormat::kCompacted, RowFormat::kIndexed}) {
      const auto arrow_type = schema::ToArrowType(type);
      auto expected = arrow::MakeBuilder(arrow_type).ValueOrDie();
      auto found = arrow::MakeBuilder(arrow_type).ValueOrDie();
      const RowLayout layout(format, {type});
      RowView row;
      for (int i = 0; i < 20; ++i) {
        const std::vector<Datum> values{random.Make(type)};
        const auto bytes = EncodeRow(format, values, layout.types());
        ASSERT_TRUE(bytes.ok()) << type.ToString() << ": " << bytes.status();
        ASSERT_TRUE(row.Reset(layout, *bytes).ok());
        ASSERT_TRUE(AppendDatum(values[0], *expected).ok());
        const arrow::Status appended = AppendColumn(row, 0, *found);
        ASSERT_TRUE(appended.ok()) << type.ToString() << ": " << appended;
      }
      const auto expected_array = expected->Finish().ValueOrDie();
      const auto found_array = found->Finish().ValueOrDie();
      EXPECT_TRUE(found_array->Equals(expected_array)) << type.ToString() << "\n" << found_array->ToString();
    }
  }
}

TEST(ColumnValue, BinaryKeepsTheZerosAtItsEnd) {
  const schema::DataType type = schema::MakeBinary(4);
  const RowLayout layout(RowFormat::kIndexed, {type});
  const std::vector<Datum> values{Datum{std::string("a\0\0\0", 4)}};
  const auto bytes = EncodeRow(RowFormat::kIndexed, values, layout.types()).ValueOrDie();
  RowView row;
  ASSERT_TRUE(row.Reset(layout, bytes).ok());
  auto builder = arrow::MakeBuilder(schema::ToArrowType(type)).ValueOrDie();
  ASSERT_TRUE(AppendColumn(row, 0, *builder).ok());
  const auto array = builder->Finish().ValueOrDie();
  EXPECT_EQ(static_cast<const arrow::FixedSizeBinaryArray&>(*array).GetString(0), std::string("a\0\0\0", 4));
}

}  // namespace
}  // namespace thalweg::format
