// Any bytes as a batch's statistics, and what filters make of them.

#include "thalweg/base/check.h"
#include "thalweg/base/error.h"
#include "thalweg/format/aligned_row.h"
#include "thalweg/format/predicate_filter.h"
#include "thalweg/format/statistics.h"
#include "thalweg/testing/fuzz.h"

namespace thalweg::format {
namespace {

using schema::DataType;
using schema::MakeType;
using schema::TypeKind;

/// A column of each type that statistics know; ids are positions.
std::vector<DataType> Types() {
  return {MakeType(TypeKind::kBoolean),
          MakeType(TypeKind::kInt),
          MakeType(TypeKind::kBigInt),
          MakeType(TypeKind::kDouble),
          MakeType(TypeKind::kString),
          {.kind = TypeKind::kDecimal, .precision = 30, .scale = 4},
          {.kind = TypeKind::kTimestamp, .precision = 6},
          MakeType(TypeKind::kDate)};
}

schema::Schema TableSchema() {
  std::vector<schema::Column> columns;
  for (const DataType& type : Types()) {
    columns.push_back(
        {.name = "c" + std::to_string(columns.size()), .type = type, .id = static_cast<int>(columns.size())});
  }
  return schema::Schema::Make({.columns = columns}).ValueOrDie();
}

std::vector<Datum> Literals(int32_t column, int64_t number) {
  switch (column) {
    case 0:
      return {Datum{number % 2 == 0}};
    case 3:
      return {Datum{static_cast<double>(number)}};
    case 4:
      return {Datum{std::to_string(number)}};
    case 5:
      return {Datum{Int128{number}}};
    case 6:
      return {Datum{TimestampValue{number, 0}}};
    default:
      return {Datum{number}};
  }
}

Predicate LeafOf(LeafFunction function, int32_t column, int64_t number) {
  if (function == LeafFunction::kIsNull || function == LeafFunction::kIsNotNull) {
    return Predicate::Leaf(function, column, {});
  }
  return Predicate::Leaf(function, column, Literals(column, number));
}

void Check(ByteView block, int32_t record_count, int64_t number) {
  const std::vector<uint8_t> exact = testing::ExactCopy(block);
  const auto view = StatisticsView::Parse(exact);
  if (!view.ok()) {
    TW_CHECK(CodeOf(view.status()) == ErrorCode::kCorruptRecord);
    return;
  }
  TW_CHECK(view->column_count() > 0);
  for (size_t i = 0; i < view->column_count(); ++i) {
    TW_CHECK(view->column(i) >= 0 && view->IndexOf(view->column(i)) == static_cast<int>(i));
    (void)view->null_count(i);
  }
  static const schema::Schema table = TableSchema();
  const auto may = [&](const Predicate& predicate) {
    return BatchFilter(predicate, table, table).MayMatch(*view, record_count);
  };
  for (int32_t column = 0; column <= static_cast<int32_t>(table.columns().size()); ++column) {
    for (int f = 0; f <= kLeafFunctionMax; ++f) {
      const Predicate leaf = LeafOf(static_cast<LeafFunction>(f), column, number);
      const bool alone = may(leaf);
      // A column that is nowhere cannot rule out a batch.
      TW_CHECK(alone || column < static_cast<int32_t>(table.columns().size()));
      TW_CHECK(may(Predicate::And({leaf, leaf})) == alone && may(Predicate::Or({leaf, leaf})) == alone);
      if (view->IndexOf(column) < 0) TW_CHECK(alone);
    }
  }
}

/// Of the columns named, each with the same least and greatest value.
std::string Seed(const std::vector<int16_t>& positions, int64_t least, int64_t greatest, int32_t null_count) {
  testing::FuzzSeed block;
  block.Number<uint8_t>(1).Number(static_cast<int16_t>(positions.size()));
  for (const int16_t position : positions) block.Number(position);
  for (size_t i = 0; i < positions.size(); ++i) block.Number(null_count);
  std::vector<DataType> types;
  for (const int16_t position : positions) types.push_back(Types()[static_cast<size_t>(position)]);
  for (const int64_t edge : {least, greatest}) {
    std::vector<Datum> values;
    for (const int16_t position : positions) values.push_back(Literals(position, edge).front());
    const auto row = EncodeAlignedRow(values, types).ValueOrDie();
    block.Number(static_cast<int32_t>(row.size())).Raw(AsText(row));
  }
  return testing::FuzzSeed().Number<int32_t>(100).Number<int64_t>(17).Raw(std::string(block));
}

}  // namespace
}  // namespace thalweg::format

std::vector<std::string> FuzzSeeds() {
  using thalweg::format::Seed;
  return {Seed({2}, 5, 50, 0), Seed({4, 1}, -3, 20, 2), Seed({0, 1, 2, 3, 4, 5, 6, 7}, 1, 1'000'000, 1),
          Seed({5, 6}, -7, 18, 100)};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  thalweg::testing::FuzzInput input({data, size});
  const auto record_count = input.Number<int32_t>() & INT32_MAX;
  const auto number = input.Number<int64_t>();
  thalweg::format::Check(input.Rest(), record_count, number);
  return 0;
}
