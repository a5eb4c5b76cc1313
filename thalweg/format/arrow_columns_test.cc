#include "thalweg/format/arrow_columns.h"

#include <algorithm>
#include <numeric>

#include "arrow/array/array_base.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/format/arrow_projection.h"
#include "thalweg/format/random_rows_internal.h"

namespace thalweg::format {
namespace {

LogBatchView Parsed(const Bytes& bytes) { return ParseBatch(bytes.view()).ValueOrDie(); }

class ArrowColumnsTest : public ::testing::TestWithParam<BodyCodec> {};

TEST_P(ArrowColumnsTest, AnyColumnsInAnyOrderAreThoseOfTheWholeBatch) {
  const auto schema = EveryType();
  RandomRows random(3, 0.2);
  for (const int64_t count : {1, 7, 300}) {
    const auto rows = random.Make(schema, count);
    const Bytes bytes = EncodeArrowBatch({.schema_id = SchemaId(1)}, *rows, {}, GetParam()).ValueOrDie();
    for (int round = 0; round < 20; ++round) {
      std::vector<int> columns(static_cast<size_t>(schema->num_fields()));
      std::iota(columns.begin(), columns.end(), 0);
      std::shuffle(columns.begin(), columns.end(), random.engine());
      columns.resize(static_cast<size_t>(random.Below(6)));
      auto reader = ArrowColumns::Make(schema, columns).ValueOrDie();
      const auto arrays = reader.Decode(Parsed(bytes), bytes.owner(), BatchOrigin::kAnybody);
      ASSERT_TRUE(arrays.ok()) << arrays.status();
      ASSERT_EQ(arrays->size(), columns.size());
      for (size_t i = 0; i < columns.size(); ++i) {
        EXPECT_TRUE((*arrays)[i]->Equals(*rows->column(columns[i]))) << (*arrays)[i]->ToString();
      }
    }
  }
}

TEST_P(ArrowColumnsTest, DamageIsFoundOrChangesNothingThatIsOutOfBounds) {
  const auto schema = EveryType();
  RandomRows random(5, 0.2);
  const Bytes bytes =
      EncodeArrowBatch({.schema_id = SchemaId(1)}, *random.Make(schema, 40), {}, GetParam()).ValueOrDie();
  std::vector<int> columns(static_cast<size_t>(schema->num_fields()));
  std::iota(columns.begin(), columns.end(), 0);
  auto reader = ArrowColumns::Make(schema, columns).ValueOrDie();
  int refused = 0;
  for (int round = 0; round < 3'000; ++round) {
    auto damaged = std::make_shared<Buffer>(bytes.size());
    std::ranges::copy(bytes.view(), damaged->data());
    const auto at =
        kHeaderBytesV0 + static_cast<size_t>(random.Below(static_cast<int64_t>(bytes.size() - kHeaderBytesV0)));
    damaged->data()[at] = static_cast<uint8_t>(random.Below(256));
    const Bytes shared{std::shared_ptr<const Buffer>(damaged)};
    const auto arrays = reader.Decode(Parsed(shared), shared.owner(), BatchOrigin::kAnybody);
    if (!arrays.ok()) {
      ++refused;
      EXPECT_TRUE(CodeOf(arrays.status()) == ErrorCode::kCorruptRecord ||
                  CodeOf(arrays.status()) == ErrorCode::kRecordTooLarge)
          << arrays.status();
    }
  }
  EXPECT_GT(refused, 0);
}

/// Bytes of a batch that are not there until they are loaded: what else is looked at is seen in the result.
class LoadedBatch {
 public:
  explicit LoadedBatch(ByteView whole) : whole_(whole), memory_(std::make_shared<Buffer>(whole.size())) {
    std::ranges::fill(memory_->view(), 0xCD);
    size_t have = 0;
    for (size_t want = kHeaderBytesV0; have < want;) {
      have = std::min(want, whole.size());
      std::ranges::copy(whole.first(have), memory_->data());
      want = ProjectionFrontBytes(memory_->view().first(have)).ValueOr(0);
    }
  }

  LogBatchView view() const { return ParseBatch(memory_->view()).ValueOrDie(); }
  arrow::Result<arrow::ArrayVector> Decode(ArrowColumns& columns) {
    return columns.Decode(view(), memory_, BatchOrigin::kAnybody, [this](std::span<const ByteView> runs) {
      const uint8_t* end = memory_->data();
      for (const ByteView run : runs) {
        EXPECT_GE(run.data(), end);
        end = run.data() + run.size();
        EXPECT_LE(end, memory_->data() + memory_->size());
        loaded_ += run.size();
        const auto at = static_cast<size_t>(run.data() - memory_->data());
        std::ranges::copy(whole_.subspan(at, run.size()), memory_->data() + at);
      }
      return arrow::Status::OK();
    });
  }
  size_t loaded() const { return loaded_; }

 private:
  const ByteView whole_;
  const std::shared_ptr<Buffer> memory_;
  size_t loaded_ = 0;
};

TEST_P(ArrowColumnsTest, OnlyWhatTheColumnsTakeIsLoaded) {
  const auto schema = EveryType();
  RandomRows random(7, 0.2);
  const auto rows = random.Make(schema, 3'000);
  const Bytes bytes = EncodeArrowBatch({.schema_id = SchemaId(1)}, *rows, {}, GetParam()).ValueOrDie();
  for (int round = 0; round < 20; ++round) {
    std::vector<int> columns(static_cast<size_t>(schema->num_fields()));
    std::iota(columns.begin(), columns.end(), 0);
    std::shuffle(columns.begin(), columns.end(), random.engine());
    columns.resize(2);
    auto reader = ArrowColumns::Make(schema, columns).ValueOrDie();
    LoadedBatch batch(bytes.view());
    const auto arrays = batch.Decode(reader);
    ASSERT_TRUE(arrays.ok()) << arrays.status();
    for (size_t i = 0; i < columns.size(); ++i) {
      EXPECT_TRUE((*arrays)[i]->Equals(*rows->column(columns[i]))) << (*arrays)[i]->ToString();
    }
    EXPECT_LT(batch.loaded(), bytes.size() / 2);
  }
  auto none = ArrowColumns::Make(schema, {}).ValueOrDie();
  LoadedBatch batch(bytes.view());
  EXPECT_TRUE(batch.Decode(none).ok());
  EXPECT_EQ(batch.loaded(), 0u);
}

TEST_P(ArrowColumnsTest, DamageIsFoundWhereBatchesAreLoadedInPart) {
  const auto schema = EveryType();
  RandomRows random(11, 0.2);
  const Bytes bytes =
      EncodeArrowBatch({.schema_id = SchemaId(1)}, *random.Make(schema, 40), {}, GetParam()).ValueOrDie();
  auto reader = ArrowColumns::Make(schema, {0, 3, schema->num_fields() - 1}).ValueOrDie();
  const size_t front = ProjectionFrontBytes(bytes.view()).ValueOrDie();
  int refused = 0;
  for (int round = 0; round < 3'000; ++round) {
    std::vector<uint8_t> damaged(bytes.view().begin(), bytes.view().end());
    damaged[kHeaderBytesV0 + static_cast<size_t>(random.Below(static_cast<int64_t>(front - kHeaderBytesV0)))] =
        static_cast<uint8_t>(random.Below(256));
    LoadedBatch batch(damaged);
    const auto arrays = batch.Decode(reader);
    if (arrays.ok()) continue;
    ++refused;
    EXPECT_TRUE(CodeOf(arrays.status()) == ErrorCode::kCorruptRecord ||
                CodeOf(arrays.status()) == ErrorCode::kRecordTooLarge)
        << arrays.status();
  }
  EXPECT_GT(refused, 0);
}

INSTANTIATE_TEST_SUITE_P(Codecs, ArrowColumnsTest,
                         ::testing::Values(BodyCodec::kNone, BodyCodec::kLz4Frame, BodyCodec::kZstd));

TEST(ArrowColumns, PlainBuffersAreNotCopied) {
  const auto schema = arrow::schema({arrow::field("a", arrow::int64())});
  RandomRows random(1, 0);
  const Bytes bytes =
      EncodeArrowBatch({.schema_id = SchemaId(1)}, *random.Make(schema, 100), {}, BodyCodec::kNone).ValueOrDie();
  auto reader = ArrowColumns::Make(schema, {0}).ValueOrDie();
  const auto arrays = reader.Decode(Parsed(bytes), bytes.owner(), BatchOrigin::kAnybody).ValueOrDie();
  const uint8_t* values = arrays[0]->data()->buffers[1]->data();
  EXPECT_TRUE(values >= bytes.data() && values < bytes.data() + bytes.size());
}

TEST(ArrowColumns, AnEmptyBatchHasEmptyColumns) {
  const auto schema = EveryType();
  const Bytes bytes =
      EncodeArrowBatch({.schema_id = SchemaId(1)}, *RandomRows(1, 0).Make(schema, 0), {}, BodyCodec::kZstd)
          .ValueOrDie();
  auto reader = ArrowColumns::Make(schema, {3, 1}).ValueOrDie();
  const auto arrays = reader.Decode(Parsed(bytes), bytes.owner(), BatchOrigin::kAnybody).ValueOrDie();
  ASSERT_EQ(arrays.size(), 2u);
  EXPECT_EQ(arrays[0]->length(), 0);
}

}  // namespace
}  // namespace thalweg::format
