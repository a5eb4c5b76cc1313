// Any bytes as what a client puts into a bucket of a primary-key table: first a byte that chooses row format and log, then a
// batch. Whatever is accepted is written out again as the same batch, its rows go into a changelog that is sound, and what
// the two readers of rows say agrees.

#include <string>
#include <vector>

#include "thalweg/base/check.h"
#include "thalweg/base/error.h"
#include "thalweg/format/arrow_batch.h"
#include "thalweg/format/changelog_builder.h"
#include "thalweg/format/kv_batch.h"
#include "thalweg/format/random_datum_internal.h"
#include "thalweg/schema/arrow_mapping.h"
#include "thalweg/testing/fuzz.h"

namespace thalweg::format {
namespace {

schema::Schema MakeTableSchema() {
  schema::Schema::Parts parts;
  parts.primary_key = {"id"};
  parts.columns.push_back({.name = "id", .type = NotNull(schema::MakeType(schema::TypeKind::kInt))});
  for (const schema::DataType& type : EveryColumnType()) {
    parts.columns.push_back({.name = "c" + std::to_string(parts.columns.size()), .type = type});
  }
  return schema::Schema::Make(std::move(parts)).ValueOrDie();
}

const schema::Schema& TableSchema() {
  static const schema::Schema schema = MakeTableSchema();
  return schema;
}

constexpr schema::LogFormat kLogs[] = {schema::LogFormat::kArrow, schema::LogFormat::kCompacted};

ChangelogBuilder::Options OptionsFor(uint8_t choice) {
  return {.log_format = kLogs[choice >> 1 & 1],
          .compression = schema::CompressionType::kNone,
          .row_format = choice & 1 && kLogs[choice >> 1 & 1] == schema::LogFormat::kArrow ? RowFormat::kIndexed
                                                                                          : RowFormat::kCompacted,
          .schema_id = SchemaId(1)};
}

void CheckCorrupt(const arrow::Status& status) { TW_CHECK(CodeOf(status) == ErrorCode::kCorruptRecord); }

void CheckRow(const RowLayout& layout, ByteView bytes, ChangelogBuilder* builder) {
  RowView row;
  const arrow::Status found = row.Reset(layout, bytes);
  const auto decoded = DecodeRow(layout.format(), bytes, layout.types());
  if (!found.ok()) {
    CheckCorrupt(found);
    TW_CHECK(!decoded.ok());
    return;
  }
  const arrow::Status appended = builder->Append(ChangeType::kInsert, row);
  if (appended.ok() || CodeOf(appended) == ErrorCode::kInvalidTable) return;
  CheckCorrupt(appended);
  TW_CHECK(!decoded.ok());
}

void CheckBatch(uint8_t choice, ByteView bytes) {
  const auto batch = ParseKvBatch(bytes);
  if (!batch.ok()) return CheckCorrupt(batch.status());
  const ChangelogBuilder::Options options = OptionsFor(choice);
  const auto builder = ChangelogBuilder::Make(TableSchema(), options).ValueOrDie();
  const RowLayout layout(options.row_format, TableSchema());
  KvBatchBuilder again;
  for (KvRecordIterator it(*batch); !it.AtEnd();) {
    const auto record = it.Next();
    if (!record.ok()) return CheckCorrupt(record.status());
    again.Append(record->key, record->row);
    if (!record->row) continue;
    builder->Start();
    CheckRow(layout, *record->row, builder.get());
    if (builder->record_count() == 0) continue;
    const Bytes log = builder->Finish(batch->writer_id, batch->batch_sequence).ValueOrDie();
    const LogBatchView view = ParseBatch(log.view()).ValueOrDie();
    TW_CHECK(VerifyCrc(view).ok() && view.header.record_count == 1);
    if (options.log_format == schema::LogFormat::kArrow) {
      TW_CHECK(DecodeArrowBatch(view, schema::ToArrowSchema(TableSchema()), BatchOrigin::kOwnChangelog).ok());
    }
  }
  const ByteView written = again.Finish(batch->schema_id, batch->writer_id, batch->batch_sequence);
  const KvBatchView copy = ParseKvBatch(written).ValueOrDie();
  TW_CHECK(VerifyKvCrc(copy).ok() && copy.record_count == batch->record_count);
}

std::string Seed(uint8_t choice, uint32_t random_seed) {
  const RowLayout layout(OptionsFor(choice).row_format, TableSchema());
  RandomDatum random(random_seed);
  KvBatchBuilder builder;
  for (int i = 0; i < 3; ++i) {
    std::vector<Datum> values;
    for (const schema::DataType& type : layout.types()) values.push_back(random.Make(type));
    const auto row = EncodeRow(layout.format(), values, layout.types()).ValueOrDie();
    const uint8_t key[] = {static_cast<uint8_t>(i)};
    builder.Append(key, i == 1 ? std::nullopt : std::optional<ByteView>(row));
  }
  return static_cast<char>(choice) + std::string(AsText(builder.Finish(SchemaId(1), WriterId(7), 2)));
}

}  // namespace
}  // namespace thalweg::format

std::vector<std::string> FuzzSeeds() {
  constexpr uint8_t kChoices = 4;
  std::vector<std::string> seeds;
  seeds.reserve(kChoices);
  for (uint8_t choice = 0; choice < kChoices; ++choice) seeds.push_back(thalweg::format::Seed(choice, 50 + choice));
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::vector<uint8_t> batch = thalweg::testing::ExactCopy({data + 1, size - 1});
  thalweg::format::CheckBatch(data[0], batch);
  return 0;
}
