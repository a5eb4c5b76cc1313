#include "thalweg/format/changelog_builder.h"

#include <string>
#include <string_view>
#include <vector>

#include "arrow/record_batch.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/format/arrow_batch.h"
#include "thalweg/format/hex_internal.h"
#include "thalweg/format/kv_vectors_internal.h"
#include "thalweg/format/random_datum_internal.h"
#include "thalweg/format/row_records.h"
#include "thalweg/schema/arrow_mapping.h"

namespace thalweg::format {
namespace {

using schema::CompressionType;
using schema::DataType;
using schema::LogFormat;
using schema::MakeArray;
using schema::MakeMap;
using schema::MakeRow;
using schema::MakeTime;
using schema::MakeType;
using schema::NotNull;
using schema::TypeKind;

constexpr ChangeType kChanges[] = {ChangeType::kInsert, ChangeType::kUpdateBefore, ChangeType::kUpdateAfter,
                                   ChangeType::kDelete};

schema::Schema SchemaOf(const std::vector<DataType>& types) {
  schema::Schema::Parts parts;
  for (size_t i = 0; i < types.size(); ++i) {
    parts.columns.push_back({.name = "f" + std::to_string(i), .type = types[i]});
  }
  return schema::Schema::Make(std::move(parts)).ValueOrDie();
}

schema::Schema Simple() { return SchemaOf({NotNull(MakeType(TypeKind::kInt)), MakeType(TypeKind::kString)}); }

schema::Schema ScalarTypes() {
  std::vector<DataType> types;
  for (const TypeKind kind : {TypeKind::kBoolean, TypeKind::kTinyInt, TypeKind::kSmallInt, TypeKind::kInt,
                              TypeKind::kBigInt, TypeKind::kFloat, TypeKind::kDouble}) {
    types.push_back(MakeType(kind));
  }
  types.push_back(schema::MakeChar(4));
  types.push_back(MakeType(TypeKind::kString));
  types.push_back(schema::MakeBinary(3));
  types.push_back(MakeType(TypeKind::kBytes));
  types.push_back(schema::MakeDecimal(10, 2));
  types.push_back(schema::MakeDecimal(30, 4));
  types.push_back(MakeType(TypeKind::kDate));
  for (const TypeKind kind : {TypeKind::kTime, TypeKind::kTimestamp, TypeKind::kTimestampLtz}) {
    for (const int32_t precision : {0, 3, 6, 9}) types.push_back(MakeTime(kind, precision));
  }
  return SchemaOf(types);
}

schema::Schema NestedTypes() {
  const DataType number = MakeType(TypeKind::kInt), text = MakeType(TypeKind::kString);
  const DataType inner = MakeRow({{.name = "a", .type = number}, {.name = "b", .type = text}});
  return SchemaOf({MakeArray(number), MakeArray(text), MakeArray(schema::MakeDecimal(30, 0)),
                   MakeArray(MakeTime(TypeKind::kTimestamp, 6)), MakeMap(NotNull(text), MakeType(TypeKind::kBigInt)),
                   inner, MakeArray(inner), MakeMap(NotNull(number), MakeArray(inner)),
                   MakeArray(MakeArray(MakeType(TypeKind::kBoolean))),
                   MakeRow({{.name = "r", .type = inner}, {.name = "m", .type = MakeMap(NotNull(number), text)}})});
}

/// The batch of `rows`, whose changes are kChanges over and over, in hexadecimal.
std::string Build(const schema::Schema& schema, const std::vector<std::vector<uint8_t>>& rows,
                  ChangelogBuilder::Options options) {
  options.schema_id = SchemaId(3);
  const auto builder = ChangelogBuilder::Make(schema, options).ValueOrDie();
  const RowLayout layout(options.row_format, schema);
  RowView view;
  std::string hex;
  // What is built again is the same.
  for (int round = 0; round < 2; ++round) {
    builder->Start();
    for (size_t i = 0; i < rows.size(); ++i) {
      EXPECT_TRUE(view.Reset(layout, rows[i]).ok());
      EXPECT_TRUE(builder->Append(kChanges[i % 4], view).ok());
    }
    const std::string built = ToHex(builder->Finish(WriterId(77), 5).ValueOrDie().view());
    if (round > 0) EXPECT_EQ(built, hex);
    hex = built;
  }
  return hex;
}

constexpr size_t kHeaderDigits = 2 * kHeaderBytesV0;
constexpr CompressionType kNone = CompressionType::kNone;

struct JavaCase {
  std::string name;
  schema::Schema schema;
  RowFormat row_format = RowFormat::kCompacted;
  std::vector<std::string_view> rows;
  std::string_view none, zstd, lz4;
};

std::vector<JavaCase> JavaCases() {
  // Rows without any value: as many null bits as columns, then the sizes of an INDEXED row.
  constexpr std::string_view kNoScalars = "ffffff03", kNoNested = "ff03";
  constexpr std::string_view kNoScalarsIndexed = "ffffff03000000000000000000000000";
  constexpr std::string_view kNoNestedIndexed =
      "ff0300000000000000000000000000000000000000000000000000000000000000000000000000000000";
  constexpr auto kIndexed = RowFormat::kIndexed;
  return {
      {"scalars",
       ScalarTypes(),
       RowFormat::kCompacted,
       {kScalarsCompacted0, kScalarsCompacted1, kNoScalars, kScalarsCompacted0},
       kScalarsArrowNoneHeader,
       kScalarsArrowZstdHeader,
       kScalarsArrowLz4FrameHeader},
      {"scalars of INDEXED",
       ScalarTypes(),
       kIndexed,
       {kScalarsIndexed0, kScalarsIndexed1, kNoScalarsIndexed, kScalarsIndexed0},
       kScalarsArrowNoneOfIndexedHeader,
       {},
       {}},
      {"nested",
       NestedTypes(),
       RowFormat::kCompacted,
       {kNestedCompacted0, kNoNested, kNestedCompacted2, kNestedCompacted0},
       kNestedArrowNoneHeader,
       kNestedArrowZstdHeader,
       kNestedArrowLz4FrameHeader},
      {"nested of INDEXED",
       NestedTypes(),
       kIndexed,
       {kNestedIndexed0, kNoNestedIndexed, kNestedIndexed2, kNestedIndexed0},
       kNestedArrowNoneHeader,
       {},
       {}},
      {"hollow",
       NestedTypes(),
       RowFormat::kCompacted,
       {kNoNested, kNestedCompacted2},
       kHollowArrowNoneHeader,
       kHollowArrowZstdHeader,
       kHollowArrowLz4FrameHeader},
  };
}

std::vector<std::vector<uint8_t>> RowsOf(const JavaCase& c) {
  std::vector<std::vector<uint8_t>> rows;
  for (const std::string_view row : c.rows) rows.push_back(FromHex(row));
  return rows;
}

TEST(ChangelogBuilderTest, WritesWhatJavaWrites) {
  for (const JavaCase& c : JavaCases()) {
    const std::string built = Build(c.schema, RowsOf(c), {.compression = kNone, .row_format = c.row_format});
    EXPECT_EQ(built.substr(0, kHeaderDigits), c.none) << c.name;
  }
}

TEST(ChangelogBuilderTest, WritesRecordsAsJavaDoes) {
  const auto logged = [](const schema::Schema& schema, RowFormat format, const std::vector<std::string_view>& rows) {
    std::vector<std::vector<uint8_t>> bytes;
    for (const std::string_view row : rows) bytes.push_back(FromHex(row));
    const LogFormat log = format == RowFormat::kIndexed ? LogFormat::kIndexed : LogFormat::kCompacted;
    return Build(schema, bytes, {.log_format = log, .row_format = format});
  };
  const auto cases = JavaCases();
  EXPECT_EQ(logged(cases[0].schema, RowFormat::kCompacted, cases[0].rows).substr(0, kHeaderDigits),
            kScalarsLogCompactedHeader);
  EXPECT_EQ(logged(cases[1].schema, RowFormat::kIndexed, cases[1].rows).substr(0, kHeaderDigits),
            kScalarsLogIndexedHeader);
  EXPECT_EQ(logged(cases[2].schema, RowFormat::kCompacted, cases[2].rows).substr(0, kHeaderDigits),
            kNestedLogCompactedHeader);
  EXPECT_EQ(logged(cases[3].schema, RowFormat::kIndexed, cases[3].rows).substr(0, kHeaderDigits),
            kNestedLogIndexedHeader);
}

std::vector<std::vector<uint8_t>> SimpleRows() {
  const std::string text = "Ein l\u00E4ngerer Text, der sich lohnt, lohnt, lohnt";
  const std::vector<DataType> types = RowLayout(RowFormat::kCompacted, Simple()).types();
  std::vector<std::vector<uint8_t>> rows;
  for (const std::vector<Datum>& row : std::vector<std::vector<Datum>>{{{int64_t{1}}, {std::string("a")}},
                                                                       {{int64_t{1}}, {std::string("a")}},
                                                                       {{int64_t{1}}, {}},
                                                                       {{int64_t{-2}}, {text}}}) {
    rows.push_back(EncodeRow(RowFormat::kCompacted, row, types).ValueOrDie());
  }
  return rows;
}

TEST(ChangelogBuilderTest, WritesTheWholeOfASmallBatchAsJavaDoes) {
  EXPECT_EQ(Build(Simple(), SimpleRows(), {.compression = kNone}), kSimpleArrowNone);
  // Too small to compress: every buffer stands as it is.
  EXPECT_EQ(Build(Simple(), SimpleRows(), {.compression = CompressionType::kZstd}), kSimpleArrowZstd);
  EXPECT_EQ(Build(Simple(), SimpleRows(), {.compression = CompressionType::kLz4Frame}), kSimpleArrowLz4Frame);
  EXPECT_EQ(Build(Simple(), SimpleRows(), {.log_format = LogFormat::kCompacted}), kSimpleLogCompacted);
}

TEST(ChangelogBuilderTest, WritesAnEmptyBatchAsJavaDoes) {
  for (const LogFormat format : {LogFormat::kArrow, LogFormat::kCompacted}) {
    const std::string built = Build(Simple(), {}, {.log_format = format});
    EXPECT_EQ(built, kSimpleArrowEmpty);
    const auto bytes = FromHex(built);
    EXPECT_EQ(ParseBatch(bytes).ValueOrDie().header.next_offset(), LogOffset(1));
  }
}

TEST(ChangelogBuilderTest, WritesManyRowsAsJavaDoes) {
  const std::vector<DataType> types = RowLayout(RowFormat::kCompacted, Simple()).types();
  std::vector<std::vector<uint8_t>> rows;
  for (int64_t i = 0; i < 3000; ++i) {
    const Datum name = i % 7 == 0 ? Datum{} : Datum{"name-" + std::to_string(i)};
    rows.push_back(EncodeRow(RowFormat::kCompacted, std::vector<Datum>{{i}, name}, types).ValueOrDie());
  }
  EXPECT_EQ(Build(Simple(), rows, {.compression = kNone}).substr(0, kHeaderDigits), kManyArrowNoneHeader);
}

TEST(ChangelogBuilderTest, CompressedBatchesHoldTheSameRows) {
  for (const JavaCase& c : JavaCases()) {
    const auto arrow_schema = schema::ToArrowSchema(c.schema);
    std::vector<std::vector<uint8_t>> batches;
    std::vector<std::shared_ptr<arrow::RecordBatch>> decoded;
    for (const CompressionType compression : {kNone, CompressionType::kZstd, CompressionType::kLz4Frame}) {
      batches.push_back(FromHex(Build(c.schema, RowsOf(c), {.compression = compression, .row_format = c.row_format})));
    }
    for (const auto& bytes : batches) {
      const LogBatchView batch = ParseBatch(bytes).ValueOrDie();
      ASSERT_TRUE(VerifyCrc(batch).ok());
      const auto rows = DecodeArrowBatch(batch, arrow_schema);
      ASSERT_TRUE(rows.ok()) << c.name << rows.status();
      decoded.push_back(*rows);
    }
    if (!c.zstd.empty()) EXPECT_EQ(ToHex(ByteView(batches[1]).first(48)), c.zstd) << "zstd";
    if (!c.lz4.empty()) EXPECT_EQ(ToHex(ByteView(batches[2]).first(48)), c.lz4) << "lz4";
    EXPECT_TRUE(decoded[1]->Equals(*decoded[0])) << c.name;
    EXPECT_TRUE(decoded[2]->Equals(*decoded[0])) << c.name;
  }
}

/// Rows of every type, without CHAR, which INDEXED logs with what fills it up.
std::vector<DataType> TypesForBothFormats() {
  std::vector<DataType> types;
  for (const DataType& type : EveryColumnType()) {
    if (type.ToString().find("CHAR") == std::string::npos) types.push_back(type);
  }
  return types;
}

TEST(ChangelogBuilderTest, RowsOfBothFormatsGiveTheSameBatch) {
  const std::vector<DataType> types = TypesForBothFormats();
  const schema::Schema schema = SchemaOf(types);
  const auto arrow_schema = schema::ToArrowSchema(schema);
  RandomDatum random(51);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::vector<uint8_t>> rows[2];
    for (uint64_t i = 0, count = 1 + random.Below(9); i < count; ++i) {
      std::vector<Datum> values;
      for (const DataType& type : types) values.push_back(random.Make(type));
      for (const RowFormat format : {RowFormat::kCompacted, RowFormat::kIndexed}) {
        rows[static_cast<size_t>(format)].push_back(EncodeRow(format, values, types).ValueOrDie());
      }
    }
    const std::string compacted = Build(schema, rows[0], {.compression = kNone});
    EXPECT_EQ(compacted, Build(schema, rows[1], {.compression = kNone, .row_format = RowFormat::kIndexed}));
    const auto bytes = FromHex(compacted);
    const LogBatchView batch = ParseBatch(bytes).ValueOrDie();
    const auto decoded = DecodeArrowBatch(batch, arrow_schema, BatchOrigin::kOwnChangelog);
    EXPECT_TRUE(decoded.ok()) << decoded.status();
  }
}

TEST(ChangelogBuilderTest, NoByteOfARowLeadsOutOfIt) {
  const std::vector<DataType> types = EveryColumnType();
  const schema::Schema schema = SchemaOf(types);
  RandomDatum random(52);
  std::vector<Datum> values;
  for (const DataType& type : types) values.push_back(random.Make(NotNull(type)));
  for (const RowFormat format : {RowFormat::kCompacted, RowFormat::kIndexed}) {
    const RowLayout layout(format, schema);
    const auto good = EncodeRow(format, values, types).ValueOrDie();
    const auto builder = ChangelogBuilder::Make(schema, {.row_format = format}).ValueOrDie();
    RowView row;
    int refused = 0;
    for (int round = 0; round < 1000; ++round) {
      std::vector<uint8_t> bytes = good;
      // Behind the values that a row itself checks.
      for (int i = 0; i < 3; ++i) {
        bytes[bytes.size() / 4 + random.Below(bytes.size() * 3 / 4)] = static_cast<uint8_t>(random.Below(256));
      }
      bytes.shrink_to_fit();
      if (!row.Reset(layout, bytes).ok()) continue;
      builder->Start();
      const arrow::Status appended = builder->Append(ChangeType::kInsert, row);
      refused += !appended.ok();
      if (!appended.ok()) {
        const ErrorCode code = CodeOf(appended);
        EXPECT_TRUE(code == ErrorCode::kCorruptRecord || code == ErrorCode::kInvalidTable) << appended;
      } else {
        EXPECT_TRUE(builder->Finish(kNoWriter, -1).ok());
      }
    }
    EXPECT_GT(refused, 50);
  }
}

TEST(ChangelogBuilderTest, OldRowsAreFilledUpWithNulls) {
  const auto old_schema = SchemaOf({NotNull(MakeType(TypeKind::kInt))});
  const auto new_schema = old_schema.WithColumn({.name = "f1", .type = MakeType(TypeKind::kString)}).ValueOrDie();
  for (const LogFormat log : {LogFormat::kArrow, LogFormat::kCompacted}) {
    const auto builder = ChangelogBuilder::Make(new_schema, {.log_format = log, .compression = kNone}).ValueOrDie();
    const RowLayout of_old(RowFormat::kCompacted, old_schema, new_schema), of_new(RowFormat::kCompacted, new_schema);
    const std::vector<uint8_t> old_row{0x00, 0x07}, new_row{0x02, 0x07};
    std::string batches[2];
    RowView row;
    for (const bool is_old : {true, false}) {
      builder->Start();
      ASSERT_TRUE(row.Reset(is_old ? of_old : of_new, is_old ? old_row : new_row).ok());
      ASSERT_TRUE(builder->Append(ChangeType::kDelete, row).ok());
      batches[is_old] = ToHex(builder->Finish(kNoWriter, -1).ValueOrDie().view());
    }
    EXPECT_EQ(batches[0], batches[1]);
  }
}

TEST(ChangelogBuilderTest, RefusesToWriteRowsInAnotherFormat) {
  EXPECT_EQ(CodeOf(ChangelogBuilder::Make(Simple(), {.log_format = LogFormat::kIndexed}).status()),
            ErrorCode::kInvalidTable);
}

TEST(ChangelogBuilderTest, TakesValuesThatArrowsValidationWouldNot) {
  const auto schema = SchemaOf({MakeType(TypeKind::kString), MakeTime(TypeKind::kTime, 3)});
  const RowLayout layout(RowFormat::kCompacted, schema);
  const auto builder = ChangelogBuilder::Make(schema, {}).ValueOrDie();
  RowWriter writer(&layout);
  writer.Start();
  ASSERT_TRUE(writer.Bytes(AsBytes("\xFF\xFE")).ok());
  writer.Integer(-1);
  RowView row;
  ASSERT_TRUE(row.Reset(layout, writer.Finish()).ok());
  builder->Start();
  ASSERT_TRUE(builder->Append(ChangeType::kInsert, row).ok());
  const Bytes bytes = builder->Finish(kNoWriter, -1).ValueOrDie();
  const LogBatchView batch = ParseBatch(bytes.view()).ValueOrDie();
  const auto arrow_schema = schema::ToArrowSchema(schema);
  EXPECT_TRUE(DecodeArrowBatch(batch, arrow_schema, BatchOrigin::kOwnChangelog).ok());
  EXPECT_EQ(CodeOf(DecodeArrowBatch(batch, arrow_schema).status()), ErrorCode::kCorruptRecord);
}

TEST(ChangelogBuilderTest, RefusesWhatArrowCannotHold) {
  const auto appended = [](const DataType& type, RowFormat format, const Datum& value) {
    const auto schema = SchemaOf({type});
    const RowLayout layout(format, schema);
    const auto bytes = EncodeRow(format, {&value, 1}, layout.types()).ValueOrDie();
    const auto builder = ChangelogBuilder::Make(schema, {.row_format = format}).ValueOrDie();
    RowView row;
    EXPECT_TRUE(row.Reset(layout, bytes).ok());
    return CodeOf(builder->Append(ChangeType::kInsert, row));
  };
  constexpr auto kCompacted = RowFormat::kCompacted, kIndexed = RowFormat::kIndexed;
  const DataType decimal = schema::MakeDecimal(5, 2), long_decimal = schema::MakeDecimal(19, 2);
  EXPECT_EQ(appended(decimal, kCompacted, {Int128{99'999}}), ErrorCode::kNone);
  EXPECT_EQ(appended(decimal, kCompacted, {Int128{100'000}}), ErrorCode::kInvalidTable);
  EXPECT_EQ(appended(decimal, kIndexed, {Int128{-100'000}}), ErrorCode::kInvalidTable);
  EXPECT_EQ(appended(long_decimal, kCompacted, {Int128{INT64_MAX}}), ErrorCode::kNone);
  EXPECT_EQ(appended(long_decimal, kCompacted, {Int128{INT64_MAX} * 2}), ErrorCode::kInvalidTable);
  const DataType binary = schema::MakeBinary(3);
  EXPECT_EQ(appended(binary, kCompacted, {std::string("ab")}), ErrorCode::kInvalidTable);
  EXPECT_EQ(appended(binary, kCompacted, {std::string("abc")}), ErrorCode::kNone);
  EXPECT_EQ(appended(binary, kCompacted, {std::string("abcd")}), ErrorCode::kInvalidTable);
  EXPECT_EQ(appended(binary, kIndexed, {std::string("ab")}), ErrorCode::kNone) << "filled up with zeros already";
  const DataType map = schema::MakeMap(schema::MakeType(TypeKind::kInt), schema::MakeType(TypeKind::kInt));
  const Datum one{int64_t{1}}, null{};
  EXPECT_EQ(appended(map, kCompacted, {MapValue{{one, one}, {one, null}}}), ErrorCode::kNone);
  EXPECT_EQ(appended(map, kCompacted, {MapValue{{one, null}, {one, one}}}), ErrorCode::kInvalidTable);
}

}  // namespace
}  // namespace thalweg::format
