#include "thalweg/format/arrow_projection.h"

#include <algorithm>
#include <numeric>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/format/arrow_batch.h"
#include "thalweg/format/random_rows_internal.h"

namespace thalweg::format {
namespace {

using Rows = std::shared_ptr<arrow::RecordBatch>;

BatchHeader HeaderFor(int16_t schema_id) {
  BatchHeader header;
  header.base_offset = LogOffset(1000);
  header.commit_timestamp_ms = 1234567;
  header.schema_id = SchemaId(schema_id);
  header.writer_id = WriterId(7);
  header.batch_sequence = 3;
  return header;
}

Bytes Encode(const Rows& rows, BodyCodec codec, bool with_change_types = false) {
  const std::vector<uint8_t> change_types(with_change_types ? rows->num_rows() : 0, 3);
  return EncodeArrowBatch(HeaderFor(1), *rows, change_types, codec).ValueOrDie();
}

ProjectionPlan PlanFor(const arrow::Schema& batch, const arrow::Schema& table, std::vector<int32_t> fields) {
  const auto batch_columns = ColumnShape::Of(batch).ValueOrDie();
  const auto table_columns = ColumnShape::Of(table).ValueOrDie();
  return ProjectionPlan::Make(batch_columns, table_columns, fields).ValueOrDie();
}

/// The front of `batch`, found in as many steps as it takes when only the bytes asked for are read.
ByteView FrontOf(ByteView batch) {
  size_t have = 0;
  for (;;) {
    const size_t needed = ProjectionFrontBytes(batch.first(have)).ValueOrDie();
    if (needed <= have) return batch.first(needed);
    have = needed;
  }
}

Bytes ProjectWhole(const ProjectionPlan& plan, ByteView batch) {
  const ProjectedBatch projected = plan.Project(FrontOf(batch)).ValueOrDie();
  Bytes whole = Assemble(projected, batch);
  EXPECT_EQ(whole.size(), projected.total_bytes);
  return whole;
}

Rows Decode(ByteView batch, const std::shared_ptr<arrow::Schema>& schema) {
  return DecodeArrowBatch(ParseBatch(batch).ValueOrDie(), schema).ValueOrDie();
}

struct Case {
  BodyCodec codec;
  double null_share;
  bool change_types;
};

class ProjectionTest : public testing::TestWithParam<Case> {};

TEST_P(ProjectionTest, SelectedColumnsComeBackAsTheyWere) {
  const auto [codec, null_share, change_types] = GetParam();
  RandomRows random(42, null_share);
  const auto schema = EveryType();
  for (int round = 0; round < 30; ++round) {
    const Rows rows = random.Make(schema, round == 0 ? 1 : 1 + random.Below(300));
    const Bytes batch = Encode(rows, codec, change_types);
    std::vector<int32_t> fields(schema->num_fields());
    std::iota(fields.begin(), fields.end(), 0);
    std::ranges::shuffle(fields, random.engine());
    fields.resize(1 + random.Below(schema->num_fields()));
    std::ranges::sort(fields);

    const Bytes projected = ProjectWhole(PlanFor(*schema, *schema, fields), batch.view());
    const Rows expected = rows->SelectColumns({fields.begin(), fields.end()}).ValueOrDie();
    const Rows got = Decode(projected.view(), expected->schema());
    ASSERT_TRUE(got->Equals(*expected)) << expected->ToString() << got->ToString();
    const LogBatchView view = ParseBatch(projected.view()).ValueOrDie();
    EXPECT_EQ(view.bytes.size(), projected.size());
    EXPECT_EQ(view.header.next_offset(), LogOffset(1000 + rows->num_rows()));
    EXPECT_EQ(view.header.writer_id, WriterId(7));
    EXPECT_THAT(ArrowChangeTypes(view).ValueOrDie(),
                testing::ElementsAreArray(std::vector<uint8_t>(change_types ? rows->num_rows() : 0, 3)));
  }
}

TEST_P(ProjectionTest, ColumnsAddedLaterAreNull) {
  const auto [codec, null_share, change_types] = GetParam();
  RandomRows random(7, null_share);
  const auto old_schema = arrow::schema({arrow::field("id", arrow::int32()), arrow::field("name", arrow::utf8())});
  auto all = old_schema->fields();
  for (const auto& field : EveryType()->fields()) all.push_back(field);
  const auto table = arrow::schema(all);
  std::vector<int32_t> fields(table->num_fields() - 1);
  std::iota(fields.begin(), fields.end(), 1);
  const ProjectionPlan plan = PlanFor(*old_schema, *table, fields);
  for (const int64_t count : {1, 9, 1000}) {
    const Rows rows = random.Make(old_schema, count);
    const Bytes batch = Encode(rows, codec, change_types);
    const auto expected_schema = arrow::schema({all.begin() + 1, all.end()});
    const Bytes projected = ProjectWhole(plan, batch.view());
    const Rows got = Decode(projected.view(), expected_schema);
    EXPECT_TRUE(got->column(0)->Equals(rows->column(1)));
    for (int i = 1; i < got->num_columns(); ++i) EXPECT_EQ(got->column(i)->null_count(), count) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Codecs, ProjectionTest,
                         testing::Values(Case{BodyCodec::kNone, 0.2, false}, Case{BodyCodec::kNone, 0, true},
                                         Case{BodyCodec::kLz4Frame, 0.2, true}, Case{BodyCodec::kLz4Frame, 0, false},
                                         Case{BodyCodec::kZstd, 0.2, false}, Case{BodyCodec::kZstd, 0, true}));

TEST(ProjectionPlanTest, NeighbouringColumnsAreOnePiece) {
  RandomRows random(1, 0.1);
  const auto schema = EveryType();
  const Bytes batch = Encode(random.Make(schema, 100), BodyCodec::kZstd);
  const auto pieces = [&](std::vector<int32_t> fields) {
    return PlanFor(*schema, *schema, std::move(fields)).Project(batch.view()).ValueOrDie().pieces.size();
  };
  EXPECT_EQ(pieces({3, 4, 5}), 1u);
  EXPECT_EQ(pieces({3, 5, 6, 20}), 3u);
}

TEST(ProjectionPlanTest, ABatchWithoutRecordsIsCopied) {
  const auto schema = EveryType();
  RandomRows random(1, 0);
  const Bytes batch = Encode(random.Make(schema, 0), BodyCodec::kNone);
  ASSERT_EQ(batch.size(), kHeaderBytesV0);
  const Bytes projected = ProjectWhole(PlanFor(*schema, *schema, {2}), batch.view());
  EXPECT_THAT(projected.view(), testing::ElementsAreArray(batch.view()));
}

TEST(ProjectionPlanTest, RefusesBadProjections) {
  const auto columns = ColumnShape::Of(*EveryType()).ValueOrDie();
  for (const std::vector<int32_t>& fields :
       {std::vector<int32_t>{}, {1, 1}, {2, 1}, {-1}, {static_cast<int32_t>(columns.size())}}) {
    EXPECT_EQ(CodeOf(ProjectionPlan::Make(columns, columns, fields).status()), ErrorCode::kInvalidColumnProjection);
  }
}

TEST(ProjectionPlanTest, RefusesABatchOfAnotherSchema) {
  const auto schema = EveryType();
  const auto other = arrow::schema({arrow::field("a", arrow::int32())});
  RandomRows random(1, 0);
  const Bytes batch = Encode(random.Make(other, 5), BodyCodec::kNone);
  const auto result = PlanFor(*schema, *schema, {1}).Project(batch.view());
  EXPECT_EQ(CodeOf(result.status()), ErrorCode::kCorruptRecord);
}

/// Whatever is wrong with the bytes, it ends in a batch that lies in bounds or in CORRUPT_RECORD (and no sanitizer
/// report).
TEST(ProjectionPlanTest, MangledBytesNeverLeadOutOfTheBatch) {
  RandomRows random(99, 0.2);
  const auto schema = EveryType();
  const auto table = arrow::schema({arrow::field("a", arrow::int32()), arrow::field("b", arrow::utf8())});
  const Bytes good = Encode(random.Make(schema, 20), BodyCodec::kNone, true);
  const size_t front = FrontOf(good.view()).size();
  const ProjectionPlan plan = PlanFor(*schema, *schema, {0, 3, 7, 15, 21});
  int refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<uint8_t> bytes(good.data(), good.data() + good.size());
    for (int64_t i = 0, count = 1 + random.Below(3); i < count; ++i) {
      bytes[8 + random.Below(front - 8)] =
          static_cast<uint8_t>(random.Below(2) ? random.Below(256) : 0xFF * random.Below(2));
    }
    if (random.Below(4) == 0) bytes.resize(random.Below(bytes.size()));
    const auto projected = plan.Project(bytes);
    if (!projected.ok()) {
      const ErrorCode code = CodeOf(projected.status());
      EXPECT_TRUE(code == ErrorCode::kCorruptRecord) << projected.status();
      ++refused;
      continue;
    }
    const size_t claimed = ParseHeader(bytes).ValueOrDie().total_bytes();
    for (const BodyPiece& piece : projected->pieces) {
      if (piece.source == BodyPiece::Source::kBatch) EXPECT_LE(piece.offset + piece.length, claimed);
    }
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace thalweg::format
