#include "thalweg/query/writer.h"

#include "arrow/array/array_binary.h"
#include "arrow/compute/cast.h"
#include "fmt/format.h"
#include "thalweg/format/random_rows_internal.h"
#include "thalweg/query/test_query_internal.h"

namespace thalweg::query {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class WriterTest : public QueryTest {};

TEST_F(WriterTest, RowsGoWhereTheirKeysSay) {
  schema::TableDescriptor described = TestTable({}, 4);
  described.bucket_keys = {"id"};
  const auto table = Create("t", described);
  const auto answer = Append(table, TestRows(0, 400));
  EXPECT_EQ(answer.rows, 400);
  EXPECT_EQ(answer.buckets.size(), 4u);
  int64_t rows = 0;
  for (const auto& written : answer.buckets) {
    EXPECT_EQ(written.base.value, 0);
    EXPECT_EQ(written.end.value, written.rows);
    rows += written.rows;
  }
  EXPECT_EQ(rows, 400);
  // Each key is found where it is looked for.
  for (const int64_t id : {1, 2, 3, 4, 5, 6}) {
    const auto found =
        Read({.table = table, .filter = Leaf(table, "id", format::LeafFunction::kEqual, {format::Datum{id}})});
    EXPECT_THAT(Numbers(*found, 0), ElementsAre(id));
    EXPECT_EQ(last_->stats().buckets_pruned, 3u);
  }
}

TEST_F(WriterTest, ColumnsAreFoundByNameAndCast) {
  const auto table = Create("t", TestTable());
  const auto rows = TestRows(0, 5);
  const auto wide = arrow::compute::Cast(*rows->column(2), arrow::int64()).ValueOrDie();
  Append(table, arrow::RecordBatch::Make(
                    arrow::schema({arrow::field("score", arrow::int64()), arrow::field("id", arrow::int64())}), 5,
                    {wide, rows->column(0)}));
  const auto read = Read({.table = table});
  EXPECT_EQ(Numbers(*read, 2), Range(0, 5));
  EXPECT_EQ(read->column(1)->null_count(), 5);
}

TEST_F(WriterTest, WhatDoesNotFitIsRefusedWhole) {
  const auto table = Create("t", TestTable());
  const auto refused = [&](const std::shared_ptr<arrow::Field>& field, const std::shared_ptr<arrow::Array>& array) {
    const auto answer =
        TryWrite(table, WriteKind::kAppend, arrow::RecordBatch::Make(arrow::schema({field}), array->length(), {array}));
    EXPECT_EQ(CodeOf(answer.status()), ErrorCode::kInvalidTable) << answer.status();
    return answer.status().message();
  };
  arrow::Int64Builder large;
  ASSERT_TRUE(large.Append(1ll << 40).ok());
  const auto array = large.Finish().ValueOrDie();
  EXPECT_THAT(refused(arrow::field("score", arrow::int64()), array), HasSubstr("score"));
  EXPECT_THAT(refused(arrow::field("sore", arrow::int64()), array), HasSubstr("Did you mean score?"));
  arrow::StringBuilder text;
  ASSERT_TRUE(text.Append("\xff\xfe").ok());
  EXPECT_THAT(refused(arrow::field("name", arrow::utf8()), text.Finish().ValueOrDie()), HasSubstr("name"));
  EXPECT_EQ(Read({.table = table})->num_rows(), 0);
}

TEST_F(WriterTest, KindsOfWritesAreThoseOfTheTable) {
  const auto log = Create("log", TestTable());
  const auto keyed = Create("keyed", TestTable({"id"}));
  EXPECT_EQ(CodeOf(TryWrite(log, WriteKind::kUpsert, TestRows(0, 1)).status()), ErrorCode::kInvalidTable);
  EXPECT_EQ(CodeOf(TryWrite(keyed, WriteKind::kAppend, TestRows(0, 1)).status()), ErrorCode::kInvalidTable);
  EXPECT_EQ(CodeOf(TryWrite(Find("keyed$changelog"), WriteKind::kUpsert, TestRows(0, 1)).status()),
            ErrorCode::kInvalidTable);
  schema::TableDescriptor kept = TestTable({"id"});
  kept.properties["table.delete.behavior"] = "disable";
  EXPECT_EQ(CodeOf(TryWrite(Create("kept", kept), WriteKind::kDelete, TestRows(0, 1)).status()),
            ErrorCode::kDeletionDisabled);
}

TEST_F(WriterTest, SomeColumnsUpdateAndLeaveTheRest) {
  const auto table = Create("t", TestTable({"id"}, 2));
  Upsert(table, TestRows(0, 10));
  const auto some = TestRows(5, 10, "new ");
  Upsert(table, some->SelectColumns({0, 1}).ValueOrDie());
  const auto rows =
      Read({.table = table,
            .filter = Leaf(table, "id", format::LeafFunction::kGreaterOrEqual, {format::Datum{int64_t{9}}})});
  EXPECT_EQ(rows->num_rows(), 6);
  EXPECT_EQ(rows->column(2)->null_count(), 5);
  Write(table, WriteKind::kDelete, some->SelectColumns({0}).ValueOrDie());
  EXPECT_EQ(Read({.table = table})->num_rows(), 5);
  const auto nulls = TryWrite(table, WriteKind::kUpsert, some->SelectColumns({1}).ValueOrDie());
  EXPECT_EQ(CodeOf(nulls.status()), ErrorCode::kInvalidTable);
}

TEST_F(WriterTest, SeveralAreUnderWayInTheirOrder) {
  for (const bool keyed : {false, true}) {
    const auto table = keyed ? Create("keyed", TestTable({"id"})) : Create("log", TestTable());
    const auto kind = keyed ? WriteKind::kUpsert : WriteKind::kAppend;
    const auto writer = Writer::Make(AsUser(), {.table = table, .kind = kind}).ValueOrDie();
    std::vector<std::unique_ptr<Writing>> writings;
    for (int64_t i = 0; i < 4; ++i) {
      auto started = sim_.Await(writer->Start(TestRows(keyed ? 0 : 10 * i, 10, fmt::format("{} ", i)), home_));
      writings.push_back(std::move(started).ValueOrDie());
    }
    // An answer is there for whoever asks late, too.
    for (size_t i = writings.size(); i-- > 0;) {
      const auto answer = sim_.Await(writings[i]->Wait(home_)).ValueOrDie();
      EXPECT_EQ(answer.rows, 10);
      ASSERT_EQ(answer.buckets.size(), 1u);
      if (!keyed) EXPECT_EQ(answer.buckets[0].base.value, static_cast<int64_t>(10 * i));
    }
    const auto read = Read({.table = table});
    EXPECT_EQ(read->num_rows(), keyed ? 10 : 40);
    if (!keyed) {
      EXPECT_EQ(Numbers(*read, 0), Range(0, 40));
    } else {
      const auto& names = static_cast<const arrow::StringArray&>(*read->column(1));
      for (int64_t i = 0; i < names.length(); ++i) EXPECT_TRUE(names.GetView(i).starts_with("3 "));
    }
  }
}

TEST_F(WriterTest, DeletesMakeNoPartitions) {
  const auto table = Create("t", TestTable({"id", "name"}, 1, {"name"}));
  Upsert(table, TestRows(0, 2, "p"));
  Write(table, WriteKind::kDelete, TestRows(1, 2, "p"));
  EXPECT_EQ(Find("t")->partitions().size(), 2u);
  EXPECT_THAT(Texts(*Read({.table = table}), 1), ElementsAre("p0"));
}

TEST_F(WriterTest, LargeWritesBecomeSeveralBatches) {
  const auto table = Create("t", TestTable());
  Append(table, TestRows(0, 300'000));
  const auto rows = Read({.table = table, .columns = {{0}}});
  EXPECT_EQ(Numbers(*rows, 0), Range(0, 300'000));
  EXPECT_GT(last_->stats().batches_read, 2u);
}

TEST_F(WriterTest, EveryTypeAndFormatComesBack) {
  const auto arrow_schema = format::EveryType();
  schema::Schema::Parts parts;
  using schema::TypeKind;
  const auto simple = [](TypeKind kind) { return schema::MakeType(kind); };
  const auto row = schema::MakeRow(
      {{.name = "a", .type = simple(TypeKind::kInt)}, {.name = "b", .type = simple(TypeKind::kString)}});
  const std::vector<schema::DataType> types{
      simple(TypeKind::kBoolean),
      simple(TypeKind::kTinyInt),
      simple(TypeKind::kSmallInt),
      simple(TypeKind::kInt),
      simple(TypeKind::kBigInt),
      simple(TypeKind::kFloat),
      simple(TypeKind::kDouble),
      simple(TypeKind::kString),
      simple(TypeKind::kBytes),
      schema::MakeBinary(5),
      schema::MakeDecimal(30, 4),
      simple(TypeKind::kDate),
      schema::MakeTime(TypeKind::kTime, 3),
      schema::MakeTime(TypeKind::kTimestamp, 6),
      row,
      schema::MakeArray(simple(TypeKind::kBigInt)),
      schema::MakeArray(row),
      schema::MakeMap(schema::NotNull(simple(TypeKind::kString)), simple(TypeKind::kDouble))};
  for (size_t i = 0; i < types.size(); ++i) parts.columns.push_back(TestColumn("c" + std::to_string(i), types[i]));
  const auto schema = schema::Schema::Make(parts).ValueOrDie();
  int number = 0;
  for (const char* format : {"ARROW", "INDEXED", "COMPACTED"}) {
    for (const char* compression : {"NONE", "LZ4_FRAME", "ZSTD"}) {
      schema::TableDescriptor described;
      described.schema = schema;
      described.bucket_count = 1;
      described.properties["table.log.format"] = format;
      described.properties["table.log.arrow.compression.type"] = compression;
      const auto table = Create("t" + std::to_string(number++), described);
      const auto rows = format::RandomRows(static_cast<uint32_t>(number), 0.2).Make(table->arrow_schema(), 200);
      Append(table, rows->Slice(0, 120));
      Append(table, rows->Slice(120));
      EXPECT_TRUE(Read({.table = table})->Equals(*rows)) << format << " " << compression;
      EXPECT_TRUE(Read({.table = table, .columns = {{16, 3}}})->Equals(*rows->SelectColumns({16, 3}).ValueOrDie()));
    }
  }
}

TEST_F(WriterTest, KeyedTablesOfBothRowFormatsComeBack) {
  for (const char* format : {"COMPACTED", "INDEXED"}) {
    schema::TableDescriptor described = TestTable({"id"}, 3);
    described.properties["table.kv.format"] = format;
    const auto table = Create(std::string("t_") + format, described);
    Upsert(table, TestRows(0, 500));
    const auto rows = Read({.table = table, .columns = {{1, 0}}}, 3);
    std::vector<std::string> names;
    for (const int64_t id : Numbers(*rows, 1)) names.push_back("name " + std::to_string(id));
    EXPECT_EQ(Texts(*rows, 0), names);
    EXPECT_EQ(rows->num_rows(), 500);
  }
}

}  // namespace
}  // namespace thalweg::query
