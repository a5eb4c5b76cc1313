#include <string>

#include "benchmark/benchmark.h"
#include "thalweg/format/arrow_batch.h"
#include "thalweg/format/arrow_projection.h"
#include "thalweg/format/random_rows_internal.h"

namespace thalweg::format {
namespace {

Bytes HundredColumns(std::shared_ptr<arrow::Schema>* schema) {
  std::vector<std::shared_ptr<arrow::Field>> fields;
  for (int i = 0; i < 100; ++i) {
    fields.push_back(arrow::field("c" + std::to_string(i), i % 4 == 0 ? arrow::utf8() : arrow::int64()));
  }
  *schema = arrow::schema(fields);
  RandomRows random(1, 0.1);
  return EncodeArrowBatch(BatchHeader{}, *random.Make(*schema, 1000), {}, BodyCodec::kZstd).ValueOrDie();
}

/// 10 of 100 columns, every tenth, so that nothing can be taken together.
void ProjectTenOfHundred(benchmark::State& state) {
  std::shared_ptr<arrow::Schema> schema;
  const Bytes batch = HundredColumns(&schema);
  const auto columns = ColumnShape::Of(*schema).ValueOrDie();
  const std::vector<int32_t> fields{3, 13, 24, 33, 43, 52, 63, 73, 84, 93};
  const ProjectionPlan plan = ProjectionPlan::Make(columns, columns, fields).ValueOrDie();
  for (auto _ : state) {
    auto projected = plan.Project(batch.view());
    benchmark::DoNotOptimize(projected);
  }
}
BENCHMARK(ProjectTenOfHundred);

void MakePlan(benchmark::State& state) {
  std::shared_ptr<arrow::Schema> schema;
  HundredColumns(&schema);
  const auto columns = ColumnShape::Of(*schema).ValueOrDie();
  const std::vector<int32_t> fields{3, 13, 24, 33, 43, 52, 63, 73, 84, 93};
  for (auto _ : state) {
    auto plan = ProjectionPlan::Make(columns, columns, fields);
    benchmark::DoNotOptimize(plan);
  }
}
BENCHMARK(MakePlan);

}  // namespace
}  // namespace thalweg::format

BENCHMARK_MAIN();
