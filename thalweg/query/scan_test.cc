#include "thalweg/query/scan.h"

#include "arrow/array/array_nested.h"
#include "thalweg/format/aligned_row.h"
#include "thalweg/format/arrow_batch.h"
#include "thalweg/format/arrow_projection.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/query/test_query_internal.h"

namespace thalweg::query {
namespace {

using format::Datum;
using format::LeafFunction;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAreArray;

class ScanTest : public QueryTest {};

TEST_F(ScanTest, ALogIsReadAsItWasWritten) {
  const auto table = Create("t", TestTable());
  const auto written = Append(table, TestRows(0, 1000));
  Append(table, TestRows(1000, 500));
  const auto rows = Read({.table = table});
  EXPECT_TRUE(rows->Equals(*TestRows(0, 1500)));
  EXPECT_EQ(last_->token().ToString(), fmt::format("{}/0:1500", table->id()));
  EXPECT_EQ(written.token.ToString(), fmt::format("{}/0:1000", table->id()));
  EXPECT_EQ(last_->stats().rows_read, 1500u);
}

TEST_F(ScanTest, ColumnsComeInTheOrderAskedFor) {
  const auto table = Create("t", TestTable());
  Append(table, TestRows(0, 10));
  const auto rows = Read({.table = table, .columns = {{2, 0}}});
  EXPECT_EQ(rows->schema()->field_names(), (std::vector<std::string>{"score", "id"}));
  EXPECT_EQ(Numbers(*rows, 1), Range(0, 10));
  EXPECT_EQ(Read({.table = table, .columns = {std::vector<int>()}})->num_rows(), 10);
  EXPECT_EQ(CodeOf(TryRead({.table = table, .columns = {{0, 0}}}).status()), ErrorCode::kInvalidColumnProjection);
  EXPECT_EQ(CodeOf(TryRead({.table = table, .columns = {{3}}}).status()), ErrorCode::kInvalidColumnProjection);
}

TEST_F(ScanTest, AFilterIsAppliedExactlyToColumnsThatAreNotGiven) {
  const auto table = Create("t", TestTable());
  Append(table, TestRows(0, 100));
  const auto rows =
      Read({.table = table,
            .columns = {{1}},
            .filter = format::Predicate::And({Leaf(table, "score", LeafFunction::kEqual, {Datum{int64_t{3}}}),
                                              Leaf(table, "id", LeafFunction::kLessThan, {Datum{int64_t{30}}})})});
  EXPECT_THAT(Texts(*rows, 0), ElementsAre("name 3", "name 13", "name 23"));
  EXPECT_EQ(last_->stats().rows_read, 100u);
  EXPECT_EQ(last_->stats().rows_given, 3u);
  const auto wrong =
      TryRead({.table = table, .filter = Leaf(table, "id", LeafFunction::kEqual, {Datum{std::string("x")}})});
  EXPECT_EQ(CodeOf(wrong.status()), ErrorCode::kInvalidScanRequest);
}

/// A batch of TestRows with statistics of `id`, as Fluss's Java clients make them.
Bytes WithStatistics(int64_t first, int64_t count) {
  const Bytes plain =
      format::EncodeArrowBatch({.schema_id = SchemaId(1)}, *TestRows(first, count), {}, format::BodyCodec::kNone)
          .ValueOrDie();
  std::string block{1, 1, 0, 0, 0, 0, 0, 0, 0};  // the version, one column, the first, without nulls
  const auto append_number = [&](size_t number) {
    uint8_t bytes[4];
    StoreLittle(bytes, static_cast<int32_t>(number));
    block.append(AsText(bytes));
  };
  const std::vector<schema::DataType> types{{.kind = schema::TypeKind::kBigInt}};
  for (const int64_t edge : {first, first + count - 1}) {
    const Datum value{edge};
    const auto row = format::EncodeAlignedRow({&value, 1}, types).ValueOrDie();
    append_number(row.size());
    block.append(AsText(row));
  }
  const std::string statistics = std::exchange(block, "");
  append_number(statistics.size());
  std::string made(AsText(plain.view().first(format::kHeaderBytesV0)));
  made.append(block).append(statistics).append(AsText(plain.view().subspan(format::kHeaderBytesV0)));
  auto* bytes = reinterpret_cast<uint8_t*>(made.data());
  bytes[format::kMagicAt] = 1;
  StoreLittle(bytes + format::kLengthAt, static_cast<int32_t>(made.size() - format::kLengthPrefixBytes));
  format::StoreCrc({bytes, made.size()});
  return Bytes::Copy(AsBytes(made));
}

TEST_F(ScanTest, StatisticsLeaveOutBatches) {
  const auto table = Create("t", TestTable());
  for (int64_t i = 0; i < 10; ++i) {
    const Bytes batch = WithStatistics(100 * i, 100);
    auto records = std::make_shared<Buffer>(batch.size());
    std::ranges::copy(batch.view(), records->data());
    auto request = tablet::AppendRequest::Make(records, records->view(), 1 << 20).ValueOrDie();
    ASSERT_TRUE(
        sim_.Await(engine_->Append({table->id(), kNoPartition, BucketId(0)}, std::move(request), true, 10'000, home_))
            .ok());
  }
  const auto id_is = [&](LeafFunction function, std::vector<Datum> values) {
    return Leaf(table, "id", function, std::move(values));
  };
  EXPECT_EQ(Read({.table = table, .filter = id_is(LeafFunction::kEqual, {Datum{int64_t{250}}})})->num_rows(), 1);
  EXPECT_EQ(last_->stats().batches_pruned, 9u);
  EXPECT_EQ(last_->stats().rows_read, 100u);
  EXPECT_EQ(Read({.table = table, .filter = id_is(LeafFunction::kGreaterOrEqual, {Datum{int64_t{750}}})})->num_rows(),
            250);
  EXPECT_EQ(last_->stats().batches_pruned, 7u);
  EXPECT_EQ(
      Read({.table = table, .filter = id_is(LeafFunction::kIn, {Datum{int64_t{-1}}, Datum{int64_t{999}}})})->num_rows(),
      1);
  EXPECT_EQ(last_->stats().batches_pruned, 9u);
  EXPECT_EQ(
      Read({.table = table, .filter = Leaf(table, "score", LeafFunction::kEqual, {Datum{int64_t{3}}})})->num_rows(),
      100);
  EXPECT_EQ(last_->stats().batches_pruned, 0u) << "of this column there are no statistics";
  EXPECT_EQ(Read({.table = table})->num_rows(), 1000);
}

TEST_F(ScanTest, ALimitHoldsOverAllStreams) {
  const auto table = Create("t", TestTable({}, 3));
  for (int i = 0; i < 9; ++i) Append(table, TestRows(i * 100, 100));
  EXPECT_EQ(Read({.table = table, .limit = 250}, 3)->num_rows(), 250);
  EXPECT_EQ(Read({.table = table, .limit = 0})->num_rows(), 0);
  EXPECT_EQ(Read({.table = table, .limit = 10'000}, 2)->num_rows(), 900);
  const auto filtered =
      Read({.table = table, .filter = Leaf(table, "score", LeafFunction::kEqual, {Datum{int64_t{1}}}), .limit = 25});
  EXPECT_EQ(filtered->num_rows(), 25);
}

TEST_F(ScanTest, StreamsTogetherBringEveryRowOnce) {
  const auto table = Create("t", TestTable({}, 4));
  for (int i = 0; i < 20; ++i) Append(table, TestRows(i * 50, 50));
  EXPECT_THAT(Numbers(*Read({.table = table, .batch_rows_max = 7}, 3), 0), UnorderedElementsAreArray(Range(0, 1000)));
}

TEST_F(ScanTest, WhatSeveralDecodeComesInOrder) {
  auto descriptor = TestTable();
  descriptor.properties["table.log.arrow.compression.type"] = "NONE";
  const auto table = Create("t", descriptor);
  constexpr int64_t kBatch = 4'000, kRows = 30 * kBatch;
  for (int64_t first = 0; first < kRows; first += kBatch) Append(table, TestRows(first, kBatch));
  EXPECT_EQ(Numbers(*Read({.table = table}), 0), Range(0, kRows));
  EXPECT_GT(last_->stats().bytes_read, 1u << 20) << "enough for more than one";
  EXPECT_EQ(last_->token().ToString(), fmt::format("{}/0:{}", table->id(), kRows));
  const ScanRequest part{.table = table, .range = {.from = LogOffset(1'234), .to = LogOffset(kRows - 1'234)}};
  EXPECT_EQ(Numbers(*Read(part), 0), Range(1'234, kRows - 1'234));
  const auto some = Read({.table = table, .filter = Leaf(table, "score", LeafFunction::kEqual, {Datum{int64_t{7}}})});
  EXPECT_EQ(some->num_rows(), kRows / 10);
  EXPECT_EQ(Read({.table = table, .limit = 54'321})->num_rows(), 54'321);
}

TEST_F(ScanTest, WantedColumnsAreReadOutOfFiles) {
  auto descriptor = TestTable();
  descriptor.properties["table.log.arrow.compression.type"] = "NONE";
  const auto table = Create("t", descriptor);
  constexpr int64_t kBatch = 4'000, kRows = 40 * kBatch;
  for (int64_t first = 0; first < kRows; first += kBatch) Append(table, TestRows(first, kBatch));
  Reopen();
  for (const bool cold : {false, true}) {
    disk_.SetCold(cold);
    const auto ids = Read({.table = table, .columns = {{0}}, .range = {.from = LogOffset(5'123)}});
    EXPECT_EQ(Numbers(*ids, 0), Range(5'123, kRows));
    const auto some = Read(
        {.table = table, .columns = {{1}}, .filter = Leaf(table, "score", LeafFunction::kEqual, {Datum{int64_t{7}}})});
    EXPECT_EQ(some->num_rows(), kRows / 10);
    EXPECT_EQ(Texts(*some->Slice(0, 2), 0), (std::vector<std::string>{"name 7", "name 17"}));
    EXPECT_EQ(Read({.table = table, .columns = {{2}}, .limit = 54'321})->num_rows(), 54'321);
    EXPECT_EQ(Read({.table = table, .columns = {std::vector<int>()}})->num_rows(), kRows);
  }
}

TEST_F(ScanTest, DamageInAFileIsFoundByWhoReadsIt) {
  const auto table = Create("t", TestTable());
  constexpr int64_t kBatch = 20'000;
  for (int i = 0; i < 3; ++i) Append(table, TestRows(i * kBatch, kBatch));
  Reopen();
  const std::string path = fmt::format("d/log/t{}/b0/00000000000000000000.log", table->id());
  std::vector<uint8_t> bytes(4096);
  ASSERT_EQ(disk_.Open(path, {}).ValueOrDie()->ReadAt(0, bytes).ValueOrDie(), bytes.size());
  // Behind the decoded length of the first buffer, which is of the first column.
  disk_.FlipBits(path, format::ProjectionFrontBytes(bytes).ValueOrDie() + sizeof(int64_t), 0xFF);
  EXPECT_EQ(CodeOf(TryRead({.table = table}).status()), ErrorCode::kCorruptRecord);
  const auto damaged = TryRead({.table = table, .columns = {{0}}});
  EXPECT_EQ(CodeOf(damaged.status()), ErrorCode::kCorruptRecord) << damaged.status();
  EXPECT_THAT(damaged.status().message(), HasSubstr("offset 0"));
  EXPECT_EQ(Read({.table = table, .columns = {{2}}})->num_rows(), 3 * kBatch) << "which is not what is damaged";
}

TEST_F(ScanTest, RangesAreCutInsideOfBatches) {
  const auto table = Create("t", TestTable());
  Append(table, TestRows(0, 100));
  Append(table, TestRows(100, 100));
  EXPECT_EQ(Numbers(*Read({.table = table, .range = {.from = LogOffset(30), .to = LogOffset(130)}}), 0),
            Range(30, 130));
  EXPECT_EQ(Numbers(*Read({.table = table, .range = {.from = LogOffset(199)}}), 0), Range(199, 200));
  EXPECT_EQ(Read({.table = table, .range = {.from = LogOffset(500)}})->num_rows(), 0);
  EXPECT_EQ(Read({.table = table, .range = {.from = kFromLatest}})->num_rows(), 0);
  const auto rows = Read({.table = table, .buckets = {{{.range = {.to = LogOffset(5)}}}}});
  EXPECT_EQ(Numbers(*rows, 0), Range(0, 5));
}

TEST_F(ScanTest, RangesOfTime) {
  const auto table = Create("t", TestTable());
  Append(table, TestRows(0, 10));
  sim_.RunFor(std::chrono::seconds(10));
  const int64_t between_ms = clock_.WallMs();
  sim_.RunFor(std::chrono::seconds(10));
  Append(table, TestRows(10, 10));
  EXPECT_EQ(Numbers(*Read({.table = table, .range = {.from_ms = between_ms}}), 0), Range(10, 20));
  EXPECT_EQ(Numbers(*Read({.table = table, .range = {.to_ms = between_ms}}), 0), Range(0, 10));
}

TEST_F(ScanTest, CurrentRowsOfATableWithAPrimaryKey) {
  const auto table = Create("t", TestTable({"id"}, 2));
  Upsert(table, TestRows(0, 100));
  Upsert(table, TestRows(50, 10, "new "));
  Write(table, WriteKind::kDelete, TestRows(0, 5));
  const auto rows = Read({.table = table}, 2);
  EXPECT_THAT(Numbers(*rows, 0), UnorderedElementsAreArray(Range(5, 100)));
  const auto some = Read({.table = table,
                          .columns = {{1}},
                          .filter = Leaf(table, "id", LeafFunction::kGreaterOrEqual, {Datum{int64_t{57}}}),
                          .batch_rows_max = 7});
  EXPECT_EQ(some->num_rows(), 43);
  EXPECT_THAT(Texts(*some, 0), ::testing::IsSupersetOf({"new 57", "new 59", "name 60"}));
  EXPECT_EQ(Read({.table = table, .columns = {std::vector<int>()}})->num_rows(), 95);
  EXPECT_EQ(Read({.table = table, .limit = 9})->num_rows(), 9);
  EXPECT_EQ(CodeOf(TryRead({.table = table, .follow = true}).status()), ErrorCode::kInvalidScanRequest);
}

TEST_F(ScanTest, EqualityOnTheBucketKeyReadsItsBucketsOnly) {
  schema::TableDescriptor described = TestTable({"id", "name"}, 8);
  described.bucket_keys = {"id"};
  const auto table = Create("t", described);
  Upsert(table, TestRows(0, 200));
  const auto rows =
      Read({.table = table,
            .filter = Leaf(table, "id", LeafFunction::kIn, {Datum{int64_t{3}}, Datum{}, Datum{int64_t{150}}})});
  EXPECT_THAT(Numbers(*rows, 0), UnorderedElementsAreArray({3, 150}));
  EXPECT_GE(last_->stats().buckets_pruned, 6u);
}

TEST_F(ScanTest, EqualityOnThePrimaryKeyIsALookup) {
  schema::TableDescriptor described = TestTable({"score"}, 8);
  const auto table = Create("t", described);
  Upsert(table, TestRows(0, 10));
  const auto key = [&](std::vector<Datum> literals) {
    return Leaf(table, "score", LeafFunction::kIn, std::move(literals));
  };
  const int64_t beyond = 4 + (int64_t{1} << 32);  // an INT that is 4 where its upper half is lost
  const auto rows = Read({.table = table,
                          .columns = {{1}},
                          .filter = key({Datum{int64_t{4}}, Datum{int64_t{77}}, Datum{beyond}, Datum{int64_t{9}}})});
  EXPECT_THAT(Texts(*rows, 0), ElementsAre("name 4", "name 9"));
  EXPECT_EQ(last_->stats().rows_read, 2u);
  EXPECT_FALSE(last_->token().empty());
  const auto narrowed =
      Read({.table = table,
            .filter = format::Predicate::And({key({Datum{int64_t{4}}, Datum{int64_t{9}}}),
                                              Leaf(table, "id", LeafFunction::kGreaterThan, {Datum{int64_t{4}}})}),
            .limit = 5});
  EXPECT_THAT(Texts(*narrowed, 1), ElementsAre("name 9"));
  EXPECT_EQ(Read({.table = table, .filter = key({})})->num_rows(), 0);
}

TEST_F(ScanTest, KeysOfSeveralColumnsAndOfPartitionsAreLookedUpToo) {
  const auto table = Create("t", TestTable({"score", "name"}, 4, {"name"}));
  Upsert(table, TestRows(0, 20, "n"));
  const auto scores = Leaf(table, "score", LeafFunction::kIn, {Datum{int64_t{3}}, Datum{int64_t{4}}});
  const auto names = Leaf(table, "name", LeafFunction::kIn,
                          {Datum{std::string("n3")}, Datum{std::string("n14")}, Datum{std::string("none")}});
  const auto rows = Read({.table = table, .columns = {{0}}, .filter = format::Predicate::And({names, scores})});
  EXPECT_THAT(Numbers(*rows, 0), UnorderedElementsAreArray({3, 14}));
  EXPECT_EQ(last_->stats().rows_read, 2u);
  const auto one =
      Read({.table = table,
            .filter = format::Predicate::And({Leaf(table, "name", LeafFunction::kEqual, {Datum{std::string("n7")}}),
                                              Leaf(table, "score", LeafFunction::kEqual, {Datum{int64_t{7}}})})});
  EXPECT_EQ(one->num_rows(), 1);
  EXPECT_EQ(last_->stats().rows_read, 1u);
  EXPECT_EQ(Read({.table = table, .filter = Leaf(table, "id", LeafFunction::kEqual, {Datum{int64_t{3}}})})->num_rows(),
            1);
  EXPECT_EQ(last_->stats().rows_read, 20u);
}

TEST_F(ScanTest, PartitionsAreChosenByNameAndByFilter) {
  const auto table = Create("t", TestTable({}, 1, {"name"}));
  for (const char* name : {"a", "b", "c"}) {
    for (int i = 0; i < 3; ++i) Append(table, TestRows(i, 1, name));
  }
  // Names are a0, a1, a2, b0, …
  EXPECT_EQ(Read({.table = table})->num_rows(), 9);
  const auto found = Find("t");
  EXPECT_EQ(found->partitions().size(), 9u);
  const auto one = Read({.table = table, .partitions = {{found->partitions()[4]->id}}});
  EXPECT_THAT(Texts(*one, 1), ElementsAre("b1"));
  const auto filtered =
      Read({.table = table, .filter = Leaf(table, "name", LeafFunction::kEqual, {Datum{std::string("c2")}})});
  EXPECT_THAT(Texts(*filtered, 1), ElementsAre("c2"));
  EXPECT_EQ(last_->stats().buckets_pruned, 8u);
}

TEST_F(ScanTest, OldRowsHaveNullsInNewColumns) {
  for (const auto& key : {std::vector<std::string>(), std::vector<std::string>{"id"}}) {
    const std::string name = key.empty() ? "log" : "keyed";
    const auto old = Create(name, TestTable(key));
    Write(old, key.empty() ? WriteKind::kAppend : WriteKind::kUpsert, TestRows(0, 3));
    schema::TableChange change{
        .added_columns = {{.name = "more", .type = schema::MakeType(schema::TypeKind::kString)}}};
    ASSERT_TRUE(sim_.Await(AlterTable(AsUser(), {"fluss", name}, change, false, home_)).ok());
    const auto table = Find(name);
    const auto rows = Read({.table = table, .columns = {{3, 0}}});
    EXPECT_EQ(rows->num_rows(), 3);
    EXPECT_EQ(rows->column(0)->null_count(), 3);
    // Who found the table before reads what was written after.
    Write(table, key.empty() ? WriteKind::kAppend : WriteKind::kUpsert, TestRows(3, 3));
    EXPECT_EQ(Read({.table = old})->num_rows(), 6);
  }
}

TEST_F(ScanTest, FollowingWakesWithAnAppend) {
  const auto table = Create("t", TestTable({}, 2));
  Append(table, TestRows(0, 5));
  const auto scan = Open({.table = table, .follow = true}).ValueOrDie();
  const auto stream = std::move(scan->Split(1)[0]);
  EXPECT_EQ(Numbers(*Next(*stream)->rows, 0), Range(0, 5));
  std::optional<arrow::Result<ScanBatch>> next;
  const auto wait = [](ScanStream& from, std::optional<arrow::Result<ScanBatch>>& into,
                       runtime::Executor& home) -> runtime::Task<> { into.emplace(co_await from.Next(home)); };
  runtime::Spawn(wait(*stream, next, home_));
  sim_.RunFor(std::chrono::minutes(10));
  EXPECT_FALSE(next);
  const int64_t before_ns = clock_.MonotonicNs();
  Append(table, TestRows(5, 5));
  sim_.RunReady();
  ASSERT_TRUE(next && next->ok());
  EXPECT_LT(clock_.MonotonicNs() - before_ns, 100'000'000);
  EXPECT_EQ(Numbers(*(*next)->rows, 0), Range(5, 10));
  next.reset();
  runtime::Spawn(wait(*stream, next, home_));
  scan->Cancel(arrow::Status::Cancelled("enough"));
  sim_.RunReady();
  ASSERT_TRUE(next);
  EXPECT_THAT(next->status().message(), HasSubstr("enough"));
  EXPECT_TRUE(Next(*stream).status().IsCancelled());
}

TEST_F(ScanTest, FollowingFindsNewPartitionsAndEndsAtItsEnds) {
  const auto table = Create("t", TestTable({}, 1, {"name"}));
  Append(table, TestRows(0, 1, "a"));
  const auto scan = Open({.table = table, .limit = 2, .follow = true}).ValueOrDie();
  const auto stream = std::move(scan->Split(1)[0]);
  EXPECT_EQ(Numbers(*Next(*stream)->rows, 0), Range(0, 1));
  Append(table, TestRows(1, 1, "b"));
  EXPECT_EQ(Numbers(*Next(*stream)->rows, 0), Range(1, 2));
  EXPECT_FALSE(Next(*stream)->rows);
  const auto ended = Open({.table = table, .range = {.to = LogOffset(1)}, .follow = true}).ValueOrDie();
  const auto other = std::move(ended->Split(1)[0]);
  EXPECT_TRUE(Next(*other)->rows);
  EXPECT_TRUE(Next(*other)->rows);
}

TEST_F(ScanTest, ATokenNamesBucketsThatBroughtNothing) {
  auto described = TestTable({}, 2);
  described.bucket_keys = {"id"};
  const auto table = Create("t", described);
  Append(table, TestRows(0, 8));
  EXPECT_EQ(Read({.table = table})->num_rows(), 8);
  const Token whole = last_->token();
  ASSERT_EQ(whole.ends.size(), 2u);
  const auto scan = Open({.table = table, .range = {.from = kFromLatest}, .follow = true}).ValueOrDie();
  EXPECT_EQ(scan->token(), whole);
  std::vector<BucketRange> behind;
  for (const auto& [bucket, end] : whole.ends) behind.push_back({.bucket = bucket.bucket, .range = {.from = end}});
  const auto written = Append(table, TestRows(8, 1));
  EXPECT_EQ(Numbers(*Read({.table = table, .buckets = behind}), 0), Range(8, 9));
  Token both = whole;
  both.Merge(written.token);
  EXPECT_EQ(last_->token(), both);
}

TEST_F(ScanTest, WhoGoesOnBehindALimitMissesNothing) {
  const auto table = Create("t", TestTable());
  for (int i = 0; i < 4; ++i) Append(table, TestRows(i * 10, 10));
  const auto odd_scores =
      Leaf(table, "score", LeafFunction::kIn, {Datum{int64_t{1}}, Datum{int64_t{2}}, Datum{int64_t{9}}});
  for (const bool filtered : {false, true}) {
    std::vector<int64_t> found;
    LogOffset from(0);
    for (int reads = 0; reads < 20; ++reads) {
      ScanRequest request{.table = table, .limit = 7, .buckets = {{{.range = {.from = from}}}}};
      if (filtered) request.filter = odd_scores;
      const auto rows = Read(std::move(request));
      if (rows->num_rows() == 0) break;
      const auto ids = Numbers(*rows, 0);
      found.insert(found.end(), ids.begin(), ids.end());
      from = last_->token().ends.at(table->buckets()[0]);
    }
    if (filtered) {
      EXPECT_THAT(found, ElementsAre(1, 2, 9, 11, 12, 19, 21, 22, 29, 31, 32, 39));
    } else {
      EXPECT_EQ(found, Range(0, 40));
    }
  }
}

TEST_F(ScanTest, FollowingNamedBucketsFindsNewPartitionsWhereThatIsWanted) {
  const auto table = Create("t", TestTable({}, 1, {"name"}));
  Append(table, TestRows(0, 1, "a"));
  const auto first = AsUser().FindTable(table->path()).ValueOrDie()->buckets()[0];
  const std::vector<BucketRange> named{{.partition = first.partition, .bucket = first.bucket, .range = {}}};
  const auto scan =
      Open({.table = table, .limit = 2, .buckets = named, .follow = true, .new_partitions = true}).ValueOrDie();
  const auto stream = std::move(scan->Split(1)[0]);
  EXPECT_EQ(Numbers(*Next(*stream)->rows, 0), Range(0, 1));
  Append(table, TestRows(1, 1, "b"));
  EXPECT_EQ(Numbers(*Next(*stream)->rows, 0), Range(1, 2));
  EXPECT_FALSE(Next(*stream)->rows);
  const auto narrow =
      Open({.table = table, .buckets = named, .follow = true, .deadline_ns = clock_.MonotonicNs() + 5'000'000'000})
          .ValueOrDie();
  const auto other = std::move(narrow->Split(1)[0]);
  EXPECT_EQ(Numbers(*Next(*other)->rows, 0), Range(0, 1));
  EXPECT_EQ(CodeOf(Next(*other).status()), ErrorCode::kRequestTimeOut);
}

TEST_F(ScanTest, ADeadlineEndsWhatWaits) {
  const auto table = Create("t", TestTable());
  const auto scan =
      Open({.table = table, .follow = true, .deadline_ns = clock_.MonotonicNs() + 5'000'000'000}).ValueOrDie();
  const auto stream = std::move(scan->Split(1)[0]);
  EXPECT_EQ(CodeOf(Next(*stream).status()), ErrorCode::kRequestTimeOut);
  EXPECT_LT(clock_.MonotonicNs(), 20'000'000'000);
}

TEST_F(ScanTest, AReadWaitsForItsToken) {
  const auto table = Create("t", TestTable());
  const auto written = Append(table, TestRows(0, 5));
  EXPECT_EQ(Read({.table = table, .at_least = written.token})->num_rows(), 5);
  Token later = written.token;
  later.Add(table->buckets()[0], LogOffset(8));
  const auto refused = TryRead({.table = table, .at_least = later, .at_least_wait_ms = 500});
  EXPECT_EQ(CodeOf(refused.status()), ErrorCode::kRequestTimeOut);
  EXPECT_THAT(refused.status().message(), HasSubstr("Offset 8"));
  std::optional<arrow::Result<std::shared_ptr<Scan>>> opened;
  const auto open = [](Session session, ScanRequest request, std::optional<arrow::Result<std::shared_ptr<Scan>>>& into,
                       runtime::Executor& home) -> runtime::Task<> {
    into.emplace(co_await Scan::Open(std::move(session), std::move(request), home));
  };
  runtime::Spawn(open(AsUser(), {.table = table, .at_least = later, .at_least_wait_ms = 60'000}, opened, home_));
  Append(table, TestRows(5, 2));
  sim_.RunReady();
  EXPECT_FALSE(opened);
  Append(table, TestRows(7, 2));
  sim_.RunReady();
  ASSERT_TRUE(opened && opened->ok());
  Token nowhere;
  nowhere.Add({TableId(77), kNoPartition, BucketId(0)}, LogOffset(1));
  EXPECT_EQ(CodeOf(TryRead({.table = table, .at_least = nowhere}).status()), ErrorCode::kUnknownTableOrBucket);
}

TEST_F(ScanTest, ChangesOfATableWithAPrimaryKey) {
  const auto table = Create("t", TestTable({"id"}));
  Upsert(table, TestRows(0, 2));
  Upsert(table, TestRows(1, 1, "new "));
  Write(table, WriteKind::kDelete, TestRows(0, 1));
  const auto changes = Find("t$changelog");
  const auto rows = Read({.table = changes});
  EXPECT_EQ(rows->schema()->field_names(),
            (std::vector<std::string>{"_change_type", "_log_offset", "_commit_timestamp", "id", "name", "score"}));
  EXPECT_THAT(Texts(*rows, 0), ElementsAre("insert", "insert", "update_before", "update_after", "delete"));
  EXPECT_EQ(Numbers(*rows, 1), Range(0, 5));
  EXPECT_THAT(Texts(*rows, 4), ElementsAre("name 0", "name 1", "name 1", "new 1", "name 0"));
  const auto some =
      Read({.table = changes,
            .columns = {{4, 0}},
            .filter = Leaf(changes, "_change_type", LeafFunction::kEqual, {Datum{std::string("update_after")}})});
  EXPECT_THAT(Texts(*some, 0), ElementsAre("new 1"));
  EXPECT_EQ(Read({.table = changes, .range = {.from = LogOffset(3)}})->num_rows(), 2);
}

TEST_F(ScanTest, TheBinlogHasOneRowForEachChange) {
  const auto table = Create("t", TestTable({"id"}));
  Upsert(table, TestRows(0, 2));
  Upsert(table, TestRows(1, 1, "new "));
  Write(table, WriteKind::kDelete, TestRows(0, 1));
  const auto binlog = Find("t$binlog");
  const auto rows = Read({.table = binlog});
  EXPECT_EQ(rows->schema()->field_names(),
            (std::vector<std::string>{"_change_type", "_log_offset", "_commit_timestamp", "before", "after"}));
  EXPECT_THAT(Texts(*rows, 0), ElementsAre("insert", "insert", "update", "delete"));
  EXPECT_THAT(Numbers(*rows, 1), ElementsAre(0, 1, 2, 4));
  const auto& before = static_cast<const arrow::StructArray&>(*rows->column(3));
  const auto& after = static_cast<const arrow::StructArray&>(*rows->column(4));
  EXPECT_TRUE(before.IsNull(0) && before.IsNull(1) && after.IsNull(3));
  EXPECT_EQ(*format::DatumAt(*before.field(1), 2).get_if<std::string>(), "name 1");
  EXPECT_EQ(*format::DatumAt(*after.field(1), 2).get_if<std::string>(), "new 1");
  EXPECT_THAT(Numbers(*Read({.table = binlog, .columns = {{1}}, .range = {.from = LogOffset(2)}}), 0),
              ElementsAre(2, 4));
  EXPECT_EQ(CodeOf(AsUser().FindTable({"fluss", "nothing$binlog"}).status()), ErrorCode::kTableNotExist);
  Create("log", TestTable());
  EXPECT_EQ(CodeOf(AsUser().FindTable({"fluss", "log$binlog"}).status()), ErrorCode::kInvalidTable);
}

TEST_F(ScanTest, MoreScansThanTheServerAllowsWaitForEachOther) {
  const auto table = Create("t", TestTable({"id"}));
  Upsert(table, TestRows(0, 100));
  std::vector<std::unique_ptr<ScanStream>> streams;
  for (int i = 0; i < 2; ++i) {
    auto scan = Open({.table = table, .batch_rows_max = 10}).ValueOrDie();
    streams.push_back(std::move(scan->Split(1)[0]));
    EXPECT_EQ(Next(*streams.back())->rows->num_rows(), 10);
  }
  const auto scan = Open({.table = table}).ValueOrDie();
  const auto third = std::move(scan->Split(1)[0]);
  std::optional<arrow::Result<ScanBatch>> next;
  const auto wait = [](ScanStream& from, std::optional<arrow::Result<ScanBatch>>& into,
                       runtime::Executor& home) -> runtime::Task<> { into.emplace(co_await from.Next(home)); };
  runtime::Spawn(wait(*third, next, home_));
  sim_.RunFor(std::chrono::milliseconds(200));
  EXPECT_FALSE(next);
  streams.clear();  // each has given its scan up
  sim_.RunFor(std::chrono::seconds(1));
  ASSERT_TRUE(next && next->ok());
  EXPECT_EQ((*next)->rows->num_rows(), 100);
}

TEST_F(ScanTest, RightsAreThoseOfTheRpcPort) {
  const auto table = Create("t", TestTable());
  Append(table, TestRows(0, 3));
  const security::AccessPolicy policy;
  environment_->policy = &policy;
  EXPECT_EQ(CodeOf(TryRead({.table = table}).status()), ErrorCode::kAuthorization);
  EXPECT_EQ(CodeOf(AsUser().FindTable({"fluss", "t"}).status()), ErrorCode::kAuthorization);
  EXPECT_TRUE(AsUser().ListTables("fluss")->empty());
  EXPECT_TRUE(AsUser().ListDatabases().empty());
  EXPECT_EQ(CodeOf(TryWrite(table, WriteKind::kAppend, TestRows(3, 1)).status()), ErrorCode::kAuthorization);
  const security::AclBinding grant{security::Resource::Table("fluss", "t"),
                                   {.principal = {"User", "ann"}, .operation = security::Operation::kRead}};
  ASSERT_TRUE(sim_.Await(catalog_->AddAcls({grant}, home_)).ok());
  EXPECT_EQ(Read({.table = Find("t$changelog")})->num_rows(), 3);
  EXPECT_EQ(AsUser().ListTables("fluss")->size(), 1u);
  EXPECT_EQ(CodeOf(TryWrite(table, WriteKind::kAppend, TestRows(3, 1)).status()), ErrorCode::kAuthorization);
  EXPECT_EQ(CodeOf(sim_.Await(DropTable(AsUser(), {"fluss", "t"}, false, home_)).status()), ErrorCode::kAuthorization);
  Token token;
  token.Add({table->id(), kNoPartition, BucketId(0)}, LogOffset(3));
  EXPECT_TRUE(AsUser().RequireToSee(token).ok());
  EXPECT_EQ(CodeOf(AsUser("bob").RequireToSee(token)), ErrorCode::kAuthorization);
  EXPECT_TRUE(AsUser().ListDatabases().empty());
  EXPECT_EQ(AsUser().ListDatabasesOfTables().size(), 1u);
  EXPECT_TRUE(AsUser("bob").ListDatabasesOfTables().empty());

  // A right that is taken back ends a scan that follows.
  const auto scan = Open({.table = Find("t"), .follow = true}).ValueOrDie();
  const auto stream = std::move(scan->Split(1)[0]);
  EXPECT_EQ(Next(*stream)->rows->num_rows(), 3);
  ASSERT_TRUE(
      sim_.Await(catalog_->DropAcls({security::AclFilter{}}, [](auto&) { return arrow::Status::OK(); }, home_)).ok());
  EXPECT_EQ(CodeOf(Next(*stream).status()), ErrorCode::kAuthorization);
  environment_->policy = nullptr;
}

}  // namespace
}  // namespace thalweg::query
