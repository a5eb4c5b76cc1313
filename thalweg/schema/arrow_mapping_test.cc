#include "thalweg/schema/arrow_mapping.h"

#include <gtest/gtest.h>

#include "arrow/type.h"

namespace thalweg::schema {
namespace {

void ExpectType(const DataType& type, const std::shared_ptr<arrow::DataType>& expected) {
  const auto mapped = ToArrowType(type);
  EXPECT_TRUE(mapped->Equals(*expected, /*check_metadata=*/true))
      << type.ToString() << " became " << mapped->ToString();
}

TEST(ArrowMapping, MapsScalars) {
  ExpectType(MakeType(TypeKind::kBoolean), arrow::boolean());
  ExpectType(MakeType(TypeKind::kTinyInt), arrow::int8());
  ExpectType(MakeType(TypeKind::kSmallInt), arrow::int16());
  ExpectType(MakeType(TypeKind::kInt), arrow::int32());
  ExpectType(MakeType(TypeKind::kBigInt), arrow::int64());
  ExpectType(MakeType(TypeKind::kFloat), arrow::float32());
  ExpectType(MakeType(TypeKind::kDouble), arrow::float64());
  ExpectType(MakeChar(3), arrow::utf8());
  ExpectType(MakeType(TypeKind::kString), arrow::utf8());
  ExpectType(MakeBinary(3), arrow::fixed_size_binary(3));
  ExpectType(MakeType(TypeKind::kBytes), arrow::binary());
  ExpectType(MakeDecimal(38, 4), arrow::decimal128(38, 4));
  ExpectType(MakeType(TypeKind::kDate), arrow::date32());
}

TEST(ArrowMapping, UnitsFollowThePrecision) {
  const arrow::TimeUnit::type units[] = {arrow::TimeUnit::SECOND, arrow::TimeUnit::MILLI, arrow::TimeUnit::MILLI,
                                         arrow::TimeUnit::MILLI,  arrow::TimeUnit::MICRO, arrow::TimeUnit::MICRO,
                                         arrow::TimeUnit::MICRO,  arrow::TimeUnit::NANO,  arrow::TimeUnit::NANO,
                                         arrow::TimeUnit::NANO};
  for (int32_t p = 0; p <= kTimePrecisionMax; ++p) {
    ExpectType(MakeTime(TypeKind::kTime, p), p <= 3 ? arrow::time32(units[p]) : arrow::time64(units[p]));
    ExpectType(MakeTime(TypeKind::kTimestamp, p), arrow::timestamp(units[p]));
    ExpectType(MakeTime(TypeKind::kTimestampLtz, p), arrow::timestamp(units[p]));
  }
}

TEST(ArrowMapping, MapsNestedTypes) {
  ExpectType(MakeArray(NotNull(MakeType(TypeKind::kInt))),
             arrow::list(arrow::field("element", arrow::int32(), /*nullable=*/false)));
  const auto map = ToArrowType(MakeMap(MakeType(TypeKind::kString), MakeType(TypeKind::kDate)));
  const arrow::Field& entries = *map->field(0);
  EXPECT_EQ(entries.name(), "entries");
  EXPECT_FALSE(entries.nullable());
  EXPECT_EQ(entries.type()->field(0)->name(), "key");
  EXPECT_FALSE(entries.type()->field(0)->nullable());
  EXPECT_EQ(entries.type()->field(1)->name(), "value");
  EXPECT_TRUE(entries.type()->field(1)->nullable());
  EXPECT_FALSE(static_cast<const arrow::MapType&>(*map).keys_sorted());
  ExpectType(MakeRow({{.name = "a", .type = NotNull(MakeType(TypeKind::kInt)), .description = {}},
                      {.name = "b", .type = MakeArray(MakeType(TypeKind::kDate)), .description = {}}}),
             arrow::struct_({arrow::field("a", arrow::int32(), false),
                             arrow::field("b", arrow::list(arrow::field("element", arrow::date32())))}));
}

TEST(ArrowMapping, MapsTheColumnsInOrder) {
  const Schema schema = Schema::Make({.columns = {{.name = "v", .type = MakeType(TypeKind::kString)},
                                                  {.name = "k", .type = MakeType(TypeKind::kInt)}},
                                      .primary_key = {"k"}})
                            .ValueOrDie();
  EXPECT_TRUE(ToArrowSchema(schema)->Equals(
      *arrow::schema({arrow::field("v", arrow::utf8()), arrow::field("k", arrow::int32(), false)}), true));
}

}  // namespace
}  // namespace thalweg::schema
