/// What a table costs while there are up to 10,000 others: per_thousand must stay below 1 s.
#include <memory>

#include "benchmark/benchmark.h"
#include "fmt/format.h"
#include "thalweg/base/check.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/testing/memory_meta_store.h"
#include "thalweg/testing/sim_clock.h"
#include "thalweg/testing/sim_executor.h"

namespace thalweg::catalog {
namespace {

void CreateTables(benchmark::State& state) {
  const int64_t tables = state.range(0);
  schema::TableDescriptor table;
  for (int i = 0; i < 10; ++i) {
    table.schema = i == 0 ? schema::Schema::Make({.columns = {{.name = "c0"}}}).ValueOrDie()
                          : table.schema.WithColumn({.name = fmt::format("c{}", i)}).ValueOrDie();
  }
  for (auto iteration : state) {
    thalweg::testing::SimScheduler sim;
    thalweg::testing::SimClock clock(sim);
    runtime::Executor& home = sim.MakeThread("shard");
    thalweg::testing::MemoryMetaStore store(sim.MakePool("blocking"));
    const auto catalog = sim.Await(Catalog::Open(store, clock, {}, home)).ValueOrDie();
    for (int64_t i = 0; i < tables; ++i) {
      TW_CHECK(sim.Await(catalog->CreateTable({"fluss", fmt::format("t{}", i)}, table, false, home)).ok());
    }
  }
  state.counters["per_thousand"] = benchmark::Counter(
      static_cast<double>(tables) / 1000, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(CreateTables)->Arg(1000)->Arg(10'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace thalweg::catalog

BENCHMARK_MAIN();
