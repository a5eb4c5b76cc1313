#include "thalweg/format/batch_slice.h"

#include <string>
#include <vector>

#include "arrow/array/builder_binary.h"
#include "arrow/record_batch.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/format/arrow_batch.h"
#include "thalweg/format/random_rows_internal.h"
#include "thalweg/format/row_records.h"

namespace thalweg::format {
namespace {

BatchHeader TestHeader() {
  BatchHeader header;
  header.base_offset = LogOffset(500);
  header.commit_timestamp_ms = 99;
  header.schema_id = SchemaId(3);
  header.writer_id = WriterId(8);
  header.batch_sequence = 4;
  return header;
}

void ExpectHeader(const LogBatchView& slice, int32_t first, int32_t count) {
  EXPECT_TRUE(VerifyCrc(slice).ok());
  EXPECT_EQ(slice.header.base_offset, LogOffset(500 + first));
  EXPECT_EQ(slice.header.next_offset(), LogOffset(500 + first + count));
  EXPECT_EQ(slice.header.commit_timestamp_ms, 99);
  EXPECT_EQ(slice.header.schema_id, SchemaId(3));
  EXPECT_EQ(slice.header.writer_id, WriterId(8));
  EXPECT_EQ(slice.header.batch_sequence, 4);
}

TEST(BatchSliceTest, CutsArrowBatches) {
  const auto schema = EveryType();
  for (const BodyCodec codec : {BodyCodec::kNone, BodyCodec::kLz4Frame, BodyCodec::kZstd}) {
    for (const bool with_change_types : {false, true}) {
      RandomRows random(3, 0.2);
      const auto rows = random.Make(schema, 77);
      std::vector<uint8_t> change_types(with_change_types ? 77 : 0);
      for (auto& type : change_types) type = static_cast<uint8_t>(random.Below(5));
      const Bytes bytes = EncodeArrowBatch(TestHeader(), *rows, change_types, codec).ValueOrDie();
      for (int round = 0; round < 10; ++round) {
        const auto first = static_cast<int32_t>(random.Below(77));
        const auto count = static_cast<int32_t>(1 + random.Below(77 - first));
        const Bytes cut = SliceArrowBatch(ParseBatch(bytes.view()).ValueOrDie(), schema, first, count).ValueOrDie();
        const LogBatchView slice = ParseBatch(cut.view()).ValueOrDie();
        ExpectHeader(slice, first, count);
        EXPECT_EQ(slice.bytes.size(), cut.size());
        const auto used = ArrowBatchCodec(slice).ValueOrDie();
        EXPECT_TRUE(used == codec || (used == BodyCodec::kNone && cut.size() < 3 * kPlainSliceBytesMax));
        EXPECT_EQ(slice.header.append_only(), !with_change_types);
        EXPECT_TRUE(DecodeArrowBatch(slice, schema).ValueOrDie()->Equals(*rows->Slice(first, count)));
        if (with_change_types) {
          EXPECT_THAT(ArrowChangeTypes(slice).ValueOrDie(),
                      testing::ElementsAreArray(change_types.data() + first, static_cast<size_t>(count)));
        }
      }
    }
  }
}

TEST(BatchSliceTest, CompressesOnlyWhatIsWorthIt) {
  const auto schema = arrow::schema({arrow::field("text", arrow::utf8())});
  const std::string text(500, 'x');
  arrow::StringBuilder texts;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(texts.Append(text).ok());
  const auto rows = arrow::RecordBatch::Make(schema, 100, {texts.Finish().ValueOrDie()});
  for (const BodyCodec codec : {BodyCodec::kLz4Frame, BodyCodec::kZstd}) {
    const Bytes bytes = EncodeArrowBatch(TestHeader(), *rows, {}, codec).ValueOrDie();
    const LogBatchView batch = ParseBatch(bytes.view()).ValueOrDie();
    const auto codec_of = [&](int32_t count) {
      const Bytes cut = SliceArrowBatch(batch, schema, 100 - count, count).ValueOrDie();
      return ArrowBatchCodec(ParseBatch(cut.view()).ValueOrDie()).ValueOrDie();
    };
    EXPECT_EQ(codec_of(4), BodyCodec::kNone);
    EXPECT_EQ(codec_of(50), codec);
  }
}

Bytes RowBatch(const std::vector<std::string>& rows) {
  std::vector<ByteView> views;
  std::vector<ChangeType> change_types;
  for (const std::string& row : rows) {
    views.push_back(AsBytes(row));
    change_types.push_back(static_cast<ChangeType>(row.size() % 5));
  }
  return EncodeRowBatch(TestHeader(), views, change_types);
}

TEST(BatchSliceTest, CutsRowBatches) {
  const std::vector<std::string> rows{"one", "", "three", "four", "the fifth"};
  const Bytes bytes = RowBatch(rows);
  const LogBatchView batch = ParseBatch(bytes.view()).ValueOrDie();
  for (int32_t first = 0; first < 5; ++first) {
    for (int32_t count = 1; count <= 5 - first; ++count) {
      const Bytes cut = SliceRowBatch(batch, first, count).ValueOrDie();
      const LogBatchView slice = ParseBatch(cut.view()).ValueOrDie();
      ExpectHeader(slice, first, count);
      ByteView rest = slice.body();
      for (int32_t i = first; i < first + count; ++i) {
        const RowRecord record = NextRowRecord(&rest).ValueOrDie();
        EXPECT_EQ(AsText(record.row), rows[i]);
        EXPECT_EQ(record.change_type, static_cast<ChangeType>(rows[i].size() % 5));
      }
      EXPECT_TRUE(rest.empty());
    }
  }
}

TEST(BatchSliceTest, RefusesRecordsThatDoNotFit) {
  const Bytes good = RowBatch({"one", "three"});
  const auto slice = [&](size_t at, uint8_t value) {
    std::vector<uint8_t> bytes(good.data(), good.data() + good.size());
    bytes[at] = value;
    return CodeOf(SliceRowBatch(ParseBatch(bytes).ValueOrDie(), 0, 1).status());
  };
  EXPECT_EQ(slice(kHeaderBytesV0, 3), ErrorCode::kCorruptRecord) << "too short";
  EXPECT_EQ(slice(kHeaderBytesV0, 40), ErrorCode::kCorruptRecord) << "too long";
  EXPECT_EQ(slice(kHeaderBytesV0, 0), ErrorCode::kCorruptRecord) << "no change type";
  EXPECT_EQ(slice(kHeaderBytesV0 + 3, 0x80), ErrorCode::kCorruptRecord) << "below zero";
  EXPECT_EQ(slice(kHeaderBytesV0 + 4, 5), ErrorCode::kCorruptRecord) << "change type";
}

TEST(ArrowBatchTest, MangledBatchesAreRefusedOrRead) {
  const auto schema = EveryType();
  RandomRows random(17, 0.2);
  for (const BodyCodec codec : {BodyCodec::kNone, BodyCodec::kZstd}) {
    const Bytes good = EncodeArrowBatch(TestHeader(), *random.Make(schema, 10), {}, codec).ValueOrDie();
    int refused = 0;
    for (int round = 0; round < 1500; ++round) {
      std::vector<uint8_t> bytes(good.data(), good.data() + good.size());
      for (int i = 0; i < 3; ++i) {
        bytes[kHeaderBytesV0 + random.Below(bytes.size() - kHeaderBytesV0)] = static_cast<uint8_t>(random.Below(256));
      }
      const auto rows = DecodeArrowBatch(ParseBatch(bytes).ValueOrDie(), schema);
      refused += !rows.ok();
      if (rows.ok()) continue;
      const ErrorCode code = CodeOf(rows.status());
      EXPECT_TRUE(code == ErrorCode::kCorruptRecord || code == ErrorCode::kRecordTooLarge) << rows.status();
    }
    EXPECT_GT(refused, 300);
  }
}

/// A few bytes may claim to become a terabyte: they are not taken at their word.
TEST(ArrowBatchTest, ABatchThatWouldFillTheMemoryIsNotDecompressed) {
  const auto schema = arrow::schema({arrow::field("text", arrow::utf8())});
  RandomRows random(5, 0);
  const Bytes good = EncodeArrowBatch(TestHeader(), *random.Make(schema, 50), {}, BodyCodec::kZstd).ValueOrDie();
  std::vector<uint8_t> bytes(good.data(), good.data() + good.size());
  const size_t metadata_bytes = ArrowMetadataBytes(ByteView(bytes).subspan(kHeaderBytesV0)).ValueOrDie();
  const size_t metadata_at = kHeaderBytesV0 + kArrowPrefixBytes;
  const ArrowMetadata metadata =
      ArrowMetadata::Parse(ByteView(bytes).subspan(metadata_at, metadata_bytes)).ValueOrDie();
  for (size_t i = 0; i < metadata.buffer_count(); ++i) {
    if (metadata.buffer(i).length == 0) continue;
    for (const int64_t claimed : {int64_t{1} << 40, static_cast<int64_t>(kDecodedBytesMax) + 1, INT64_MAX}) {
      std::vector<uint8_t> bomb = bytes;
      StoreLittle(bomb.data() + metadata_at + metadata_bytes + metadata.buffer(i).offset, claimed);
      EXPECT_EQ(CodeOf(DecodeArrowBatch(ParseBatch(bomb).ValueOrDie(), schema).status()), ErrorCode::kRecordTooLarge);
    }
  }
}

}  // namespace
}  // namespace thalweg::format
