// Any bytes as an Arrow batch that is cut to some of its columns. What is cut lies inside the batch; and what Arrow's own
// reader makes of the columns is the same before and after.

#include "arrow/compare.h"
#include "thalweg/base/check.h"
#include "thalweg/base/error.h"
#include "thalweg/format/arrow_batch.h"
#include "thalweg/format/arrow_projection.h"
#include "thalweg/format/batch_slice.h"
#include "thalweg/format/random_rows_internal.h"
#include "thalweg/testing/fuzz.h"

namespace thalweg::format {
namespace {

std::shared_ptr<arrow::Schema> SmallSchema() {
  return arrow::schema({arrow::field("id", arrow::int64()), arrow::field("name", arrow::utf8()),
                        arrow::field("list", arrow::list(arrow::field("element", arrow::int32())))});
}

/// The header's own fields are log_batch_fuzz's matter: here they fit.
bool MendHeader(std::vector<uint8_t>& batch) {
  if (batch.size() < kHeaderBytesV0) return false;
  batch[kMagicAt] = 0;
  StoreLittle(batch.data() + kLengthAt, static_cast<int32_t>(batch.size() - kLengthPrefixBytes));
  const auto count = LoadLittle<int32_t>(batch.data() + kCrcAtV0 + kRecordCountAfterCrc);
  StoreLittle(batch.data() + kCrcAtV0 + kLastOffsetDeltaAfterCrc, count > 0 ? count - 1 : 0);
  return count >= 0;
}

void CheckFront(const ProjectionPlan& plan, ByteView batch, const arrow::Result<ProjectedBatch>& whole) {
  for (size_t have = 0;;) {
    const auto needed = ProjectionFrontBytes(batch.first(have));
    if (!needed.ok() || *needed > batch.size()) {
      TW_CHECK(!whole.ok());
      return;
    }
    if (*needed <= have) break;
    have = *needed;
    if (have == batch.size()) break;
  }
  if (!whole.ok()) return;
  const size_t front = ProjectionFrontBytes(batch).ValueOrDie();
  const std::vector<uint8_t> alone = testing::ExactCopy(batch.first(front));
  const auto again = plan.Project(alone);
  TW_CHECK(again.ok() && again->total_bytes == whole->total_bytes && again->pieces.size() == whole->pieces.size());
}

void CheckRows(const LogBatchView& batch, const LogBatchView& projected, const std::shared_ptr<arrow::Schema>& schema,
               const std::vector<int32_t>& fields) {
  const auto rows = DecodeArrowBatch(batch, schema);
  if (!rows.ok()) return;
  const auto expected = (*rows)->SelectColumns({fields.begin(), fields.end()}).ValueOrDie();
  const auto got = DecodeArrowBatch(projected, expected->schema());
  TW_CHECK(got.ok());
  TW_CHECK((*got)->Equals(*expected, false, arrow::EqualOptions::Defaults().nans_equal(true)));
  if (batch.empty()) return;
  const int32_t first = batch.header.record_count / 3;
  const auto slice = SliceArrowBatch(batch, schema, first, batch.header.record_count - first);
  TW_CHECK(slice.ok());
  const auto tail = DecodeArrowBatch(ParseBatch(slice->view()).ValueOrDie(), schema);
  TW_CHECK(tail.ok());
  TW_CHECK((*tail)->Equals(*(*rows)->Slice(first), false, arrow::EqualOptions::Defaults().nans_equal(true)));
}

void Check(std::vector<uint8_t> batch, const std::shared_ptr<arrow::Schema>& schema, uint32_t mask) {
  if (!MendHeader(batch)) return;
  std::vector<int32_t> fields;
  for (int i = 0; i < schema->num_fields(); ++i) {
    if ((mask >> i & 1) != 0) fields.push_back(i);
  }
  if (fields.empty()) return;
  const auto columns = ColumnShape::Of(*schema).ValueOrDie();
  const ProjectionPlan plan = ProjectionPlan::Make(columns, columns, fields).ValueOrDie();
  const auto projected = plan.Project(batch);
  CheckFront(plan, batch, projected);
  if (!projected.ok()) {
    TW_CHECK(CodeOf(projected.status()) == ErrorCode::kCorruptRecord);
    return;
  }
  for (const BodyPiece& piece : projected->pieces) {
    const size_t bound = piece.source == BodyPiece::Source::kBatch ? batch.size() : projected->inline_bytes.size();
    TW_CHECK(piece.offset <= bound && piece.length <= bound - piece.offset);
  }
  const Bytes made = Assemble(*projected, batch);
  TW_CHECK(made.size() == projected->total_bytes);
  const auto view = ParseBatch(made.view());
  TW_CHECK(view.ok() && view->bytes.size() == made.size());
  CheckRows(ParseBatch(batch).ValueOrDie(), *view, schema, fields);
}

std::string Seed(const std::shared_ptr<arrow::Schema>& schema, uint8_t choice, uint32_t mask, int64_t count,
                 BodyCodec codec, bool change_types) {
  RandomRows random(11, 0.2);
  const std::vector<uint8_t> types(change_types ? static_cast<size_t>(count) : 0, 2);
  const Bytes batch =
      EncodeArrowBatch({.schema_id = SchemaId(1)}, *random.Make(schema, count), types, codec).ValueOrDie();
  return testing::FuzzSeed().Number(choice).Number(mask).Raw(AsText(batch.view()));
}

}  // namespace
}  // namespace thalweg::format

std::vector<std::string> FuzzSeeds() {
  using namespace thalweg::format;
  return {Seed(SmallSchema(), 1, 5, 4, BodyCodec::kNone, false), Seed(SmallSchema(), 1, 2, 9, BodyCodec::kZstd, true),
          Seed(SmallSchema(), 1, 7, 3, BodyCodec::kLz4Frame, false),
          Seed(SmallSchema(), 1, 1, 0, BodyCodec::kNone, false),
          Seed(EveryType(), 0, 0x155555, 2, BodyCodec::kNone, false)};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  thalweg::testing::FuzzInput input({data, size});
  const bool small = (input.Number<uint8_t>() & 1) != 0;
  const auto mask = input.Number<uint32_t>();
  static const auto small_schema = thalweg::format::SmallSchema();
  static const auto every_type = thalweg::format::EveryType();
  thalweg::format::Check(thalweg::testing::ExactCopy(input.Rest()), small ? small_schema : every_type, mask);
  return 0;
}
