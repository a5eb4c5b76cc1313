// Any bytes as what a writer appends. Whatever is accepted must be made into sound batches of magic 0 with the same
// records; whatever walks over batches must stay inside of them.

#include "thalweg/base/check.h"
#include "thalweg/base/error.h"
#include "thalweg/format/arrow_batch.h"
#include "thalweg/format/batch_slice.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/format/random_rows_internal.h"
#include "thalweg/format/row_records.h"
#include "thalweg/format/statistics.h"
#include "thalweg/testing/fuzz.h"

namespace thalweg::format {
namespace {

constexpr size_t kBatchBytesMax = 1 << 20;

/// The fuzzer does not guess checksums.
void MendCrcs(std::vector<uint8_t>& records) {
  for (MutableByteView rest = records; !rest.empty();) {
    const auto batch = ParseBatch(rest);
    if (!batch.ok()) return;
    StoreCrc(rest.first(batch->bytes.size()));
    rest = rest.subspan(batch->bytes.size());
  }
}

void CheckRows(const LogBatchView& batch) {
  ByteView rest = batch.body();
  for (int32_t i = 0; i < batch.header.record_count && !rest.empty(); ++i) {
    const size_t before = rest.size();
    const auto record = NextRowRecord(&rest);
    if (!record.ok()) {
      TW_CHECK(CodeOf(record.status()) == ErrorCode::kCorruptRecord);
      break;
    }
    TW_CHECK(rest.size() + record->bytes.size() == before &&
             record->row.size() + kRowRecordPrefixBytes == record->bytes.size());
  }
  if (batch.empty()) return;
  const int32_t first = batch.header.record_count / 2;
  const auto slice = SliceRowBatch(batch, first, batch.header.record_count - first);
  if (!slice.ok()) return;
  const LogBatchView view = ParseBatch(slice->view()).ValueOrDie();
  TW_CHECK(VerifyCrc(view).ok() && view.header.base_offset == batch.header.base_offset + first);
}

void CheckAccepted(ByteView records, const AppendSummary& summary) {
  std::vector<uint8_t> bytes = testing::ExactCopy(records.first(summary.valid_bytes));
  std::vector<std::vector<uint8_t>> bodies;
  for (BatchIterator it(records); !it.AtEnd();) {
    const LogBatchView batch = it.Next().ValueOrDie();
    bodies.push_back(testing::ExactCopy(batch.body()));
    CheckRows(batch);
    if (const auto types = ArrowChangeTypes(batch); types.ok() && !types->empty()) {
      TW_CHECK(types->size() == static_cast<size_t>(batch.header.record_count));
    }
    (void)ArrowBatchCodec(batch);  // inside the bytes, whatever it says
  }
  TW_CHECK(bodies.size() == static_cast<size_t>(summary.batch_count));

  const DowngradedBatches made = DowngradeToV0(bytes);
  const AppendSummary after = ValidateForAppend(made.batches, kBatchBytesMax).ValueOrDie();
  TW_CHECK(after.valid_bytes == made.batches.size() && after.batch_count == summary.batch_count &&
           after.record_count == summary.record_count && after.offset_count == summary.offset_count &&
           !after.has_statistics_version);
  size_t i = 0;
  for (BatchIterator it(made.batches); !it.AtEnd(); ++i) {
    const LogBatchView batch = it.Next().ValueOrDie();
    TW_CHECK(AsText(batch.body()) == AsText(bodies[i]));
  }
  for (const auto& entry : made.statistics) {
    TW_CHECK(static_cast<size_t>(entry.index) < bodies.size() &&
             StatisticsView::Parse(entry.statistics.block.view()).ok());
  }
}

void CheckAppend(const std::vector<uint8_t>& records) {
  const auto summary = ValidateForAppend(records, kBatchBytesMax);
  if (summary.ok()) {
    CheckAccepted(records, *summary);
  } else {
    const ErrorCode code = CodeOf(summary.status());
    TW_CHECK(code == ErrorCode::kCorruptRecord || code == ErrorCode::kRecordTooLarge);
  }
}

std::string ArrowSeed(BodyCodec codec, bool change_types) {
  RandomRows random(3, 0.2);
  const auto rows =
      random.Make(arrow::schema({arrow::field("id", arrow::int64()), arrow::field("name", arrow::utf8())}), 7);
  const std::vector<uint8_t> types(change_types ? 7 : 0, 1);
  return std::string(AsText(
      EncodeArrowBatch({.schema_id = SchemaId(1), .writer_id = WriterId(4), .batch_sequence = 2}, *rows, types, codec)
          .ValueOrDie()
          .view()));
}

/// `plain`, of magic 0, as a later version with some statistics.
std::string WithStatistics(const std::string& plain, uint8_t magic) {
  const std::string block("\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 17);
  std::string made = plain.substr(0, kCrcAtV0);
  if (magic == 2) made.append(4, '\0');
  made.append(plain, kCrcAtV0, kHeaderBytesV0 - kCrcAtV0);
  made.append({static_cast<char>(block.size()), '\0', '\0', '\0'}).append(block).append(plain, kHeaderBytesV0);
  auto* bytes = reinterpret_cast<uint8_t*>(made.data());
  bytes[kMagicAt] = magic;
  StoreLittle(bytes + kLengthAt, static_cast<int32_t>(made.size() - kLengthPrefixBytes));
  return made;
}

}  // namespace
}  // namespace thalweg::format

std::vector<std::string> FuzzSeeds() {
  using namespace thalweg::format;
  const std::string arrow = ArrowSeed(BodyCodec::kNone, false);
  const std::vector<std::vector<uint8_t>> rows{{0, 1, 1, 'a'}, {0, 2, 1, 'b'}, {0, 3, 1, 'c'}};
  const std::vector<thalweg::ByteView> views(rows.begin(), rows.end());
  const thalweg::Bytes row_batch = EncodeRowBatch({.schema_id = thalweg::SchemaId(1)}, views, {});
  const std::string compacted(thalweg::AsText(row_batch.view()));
  return {arrow,
          ArrowSeed(BodyCodec::kZstd, true),
          compacted,
          compacted + arrow + compacted,
          WithStatistics(arrow, 1) + compacted + WithStatistics(compacted, 2),
          arrow.substr(0, kHeaderBytesV0),
          arrow + arrow.substr(0, 30)};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<uint8_t> records = thalweg::testing::ExactCopy({data, size});
  thalweg::format::CheckAppend(records);
  thalweg::format::MendCrcs(records);
  thalweg::format::CheckAppend(records);
  return 0;
}
