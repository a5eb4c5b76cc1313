// What a put costs before it reaches state and journal: the batch is parsed, its rows are found, and its changelog is built.

#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "thalweg/base/check.h"
#include "thalweg/format/changelog_builder.h"
#include "thalweg/format/kv_batch.h"

namespace thalweg::format {
namespace {

using schema::CompressionType;
using schema::MakeType;
using schema::TypeKind;

constexpr int64_t kManyRows = 1000;
constexpr int64_t kFewRows = 10;

schema::Schema TableSchema() {
  schema::Schema::Parts parts;
  parts.primary_key = {"id"};
  parts.columns = {{.name = "id", .type = NotNull(MakeType(TypeKind::kBigInt))},
                   {.name = "name", .type = MakeType(TypeKind::kString)},
                   {.name = "amount", .type = MakeType(TypeKind::kDouble)},
                   {.name = "count", .type = MakeType(TypeKind::kInt)},
                   {.name = "at", .type = schema::MakeTime(TypeKind::kTimestamp, 6)}};
  return schema::Schema::Make(std::move(parts)).ValueOrDie();
}

std::vector<uint8_t> MakeBatch(const RowLayout& layout, int64_t row_count) {
  KvBatchBuilder builder;
  RowWriter writer(&layout);
  for (int64_t i = 0; i < row_count; ++i) {
    writer.Start();
    writer.Integer(i * 7919);
    TW_CHECK(writer.Bytes(AsBytes("name-" + std::to_string(i))).ok());
    writer.Floating(static_cast<double>(i) * 0.5);
    writer.Integer(i % 100);
    writer.Timestamp({1'700'000'000'000 + i, 1000});
    const std::string key = std::to_string(i);
    builder.Append(AsBytes(key), writer.Finish());
  }
  const ByteView bytes = builder.Finish(SchemaId(1), WriterId(7), 1);
  return {bytes.begin(), bytes.end()};
}

void BuildChangelog(benchmark::State& state, schema::LogFormat log_format, CompressionType compression,
                    int64_t row_count) {
  const schema::Schema schema = TableSchema();
  const RowLayout layout(RowFormat::kCompacted, schema);
  const std::vector<uint8_t> bytes = MakeBatch(layout, row_count);
  const auto builder =
      ChangelogBuilder::Make(schema, {.log_format = log_format, .compression = compression, .schema_id = SchemaId(1)})
          .ValueOrDie();
  RowView row;
  for (auto _ : state) {
    const KvBatchView batch = ParseKvBatch(bytes).ValueOrDie();
    TW_CHECK(VerifyKvCrc(batch).ok());
    builder->Start();
    for (KvRecordIterator it(batch); !it.AtEnd();) {
      const KvRecord record = it.Next().ValueOrDie();
      TW_CHECK(row.Reset(layout, *record.row).ok() && builder->Append(ChangeType::kInsert, row).ok());
    }
    benchmark::DoNotOptimize(builder->Finish(batch.writer_id, batch.batch_sequence).ValueOrDie());
  }
  state.SetItemsProcessed(state.iterations() * row_count);
}

void FindFields(benchmark::State& state) {
  const schema::Schema schema = TableSchema();
  const RowLayout layout(RowFormat::kCompacted, schema);
  const std::vector<uint8_t> bytes = MakeBatch(layout, kManyRows);
  const KvBatchView batch = ParseKvBatch(bytes).ValueOrDie();
  RowView row;
  for (auto _ : state) {
    int64_t sum = 0;
    for (KvRecordIterator it(batch); !it.AtEnd();) {
      TW_CHECK(row.Reset(layout, *it.Next().ValueOrDie().row).ok());
      sum += row.Integer(3);
    }
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(state.iterations() * kManyRows);
}

BENCHMARK(FindFields);
BENCHMARK_CAPTURE(BuildChangelog, compacted, schema::LogFormat::kCompacted, CompressionType::kNone, kManyRows);
BENCHMARK_CAPTURE(BuildChangelog, compacted_few, schema::LogFormat::kCompacted, CompressionType::kNone, kFewRows);
BENCHMARK_CAPTURE(BuildChangelog, arrow, schema::LogFormat::kArrow, CompressionType::kNone, kManyRows);
BENCHMARK_CAPTURE(BuildChangelog, arrow_few, schema::LogFormat::kArrow, CompressionType::kNone, kFewRows);
BENCHMARK_CAPTURE(BuildChangelog, arrow_zstd, schema::LogFormat::kArrow, CompressionType::kZstd, kManyRows);
BENCHMARK_CAPTURE(BuildChangelog, arrow_zstd_few, schema::LogFormat::kArrow, CompressionType::kZstd, kFewRows);
BENCHMARK_CAPTURE(BuildChangelog, arrow_lz4, schema::LogFormat::kArrow, CompressionType::kLz4Frame, kManyRows);
BENCHMARK_CAPTURE(BuildChangelog, arrow_lz4_few, schema::LogFormat::kArrow, CompressionType::kLz4Frame, kFewRows);

}  // namespace
}  // namespace thalweg::format

BENCHMARK_MAIN();
