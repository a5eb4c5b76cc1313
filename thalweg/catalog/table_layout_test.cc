#include "thalweg/catalog/table_layout.h"

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/runtime/threads.h"
#include "thalweg/testing/memory_meta_store.h"
#include "thalweg/testing/sim_clock.h"
#include "thalweg/testing/sim_executor.h"

namespace thalweg::catalog {
namespace {

schema::TableDescriptor DaysTable() {
  schema::TableDescriptor table;
  table.schema =
      schema::Schema::Make({.columns = {{.name = "id", .type = schema::MakeType(schema::TypeKind::kBigInt)},
                                        {.name = "day", .type = schema::MakeType(schema::TypeKind::kString)}}})
          .ValueOrDie();
  table.partition_keys = {"day"};
  return table;
}

std::shared_ptr<const TableLayout> LayoutOf(schema::TableDescriptor table) {
  std::vector schemas{std::make_shared<const schema::Schema>(table.schema)};
  return std::make_shared<const TableLayout>(std::make_shared<const schema::TableDescriptor>(std::move(table)),
                                             std::move(schemas));
}

TEST(TableLayoutTest, PartsAreMadeOnce) {
  const auto layout = LayoutOf(DaysTable());
  const auto* config = layout->Config().ValueOrDie();
  EXPECT_EQ(config->log_format, schema::LogFormat::kArrow);
  EXPECT_EQ(layout->Config().ValueOrDie(), config);
  const auto* columns = layout->ColumnsOf(SchemaId(1)).ValueOrDie();
  ASSERT_EQ(columns->size(), 2u);
  EXPECT_EQ((*columns)[0].buffer_count, 2u);
  EXPECT_EQ((*columns)[1].buffer_count, 3u);
  EXPECT_EQ(layout->ColumnsOf(SchemaId(1)).ValueOrDie(), columns);
  for (const int16_t id : {-1, 0, 2}) {
    EXPECT_EQ(CodeOf(layout->ColumnsOf(SchemaId(id)).status()), ErrorCode::kSchemaNotExist) << id;
  }
}

TEST(TableLayoutTest, OptionsOfALaterServerAreAnErrorEachTime) {
  schema::TableDescriptor table = DaysTable();
  table.properties["table.not.yet.invented"] = "1";
  const auto layout = LayoutOf(std::move(table));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(CodeOf(layout->Config().status()), ErrorCode::kInvalidConfig);
  EXPECT_TRUE(layout->ColumnsOf(SchemaId(1)).ok());
}

TEST(TableLayoutTest, ManyThreadsGetTheSame) {
  constexpr size_t kThreads = 4;
  std::vector<std::unique_ptr<runtime::ThreadExecutor>> threads;
  for (size_t i = 0; i < kThreads; ++i) threads.push_back(std::make_unique<runtime::ThreadExecutor>("reader"));
  std::atomic<size_t> running = 0;
  for (int round = 0; round < 50; ++round) {
    const auto layout = LayoutOf(DaysTable());
    std::vector<const schema::TableConfig*> configs(kThreads);
    std::vector<const std::vector<format::ColumnShape>*> columns(kThreads);
    running = kThreads;
    for (size_t i = 0; i < kThreads; ++i) {
      threads[i]->Post([&, i] {
        columns[i] = layout->ColumnsOf(SchemaId(1)).ValueOrDie();
        configs[i] = layout->Config().ValueOrDie();
        if (--running == 0) running.notify_all();
      });
    }
    for (size_t left = running; left != 0; left = running) running.wait(left);
    for (size_t i = 0; i < kThreads; ++i) {
      EXPECT_EQ(configs[i], layout->Config().ValueOrDie());
      EXPECT_EQ(columns[i], layout->ColumnsOf(SchemaId(1)).ValueOrDie());
    }
  }
  for (auto& thread : threads) thread->Stop();
}

TEST(TableLayoutTest, ATableKeepsItsLayoutUntilItIsAltered) {
  thalweg::testing::SimScheduler sim;
  thalweg::testing::SimClock clock(sim);
  runtime::Executor& home = sim.MakeThread("shard");
  thalweg::testing::MemoryMetaStore store(sim.MakePool("blocking"));
  auto catalog = sim.Await(Catalog::Open(store, clock, {}, home)).ValueOrDie();
  const schema::TablePath path{"fluss", "t"};
  const auto layout = [&] { return catalog->view()->FindTable(path)->layout; };

  ASSERT_TRUE(sim.Await(catalog->CreateTable(path, DaysTable(), false, home)).ok());
  const auto first = layout();
  ASSERT_TRUE(sim.Await(catalog->CreatePartition(path, {{"day", "1"}}, false, home)).ok());
  EXPECT_EQ(layout(), first);
  ASSERT_TRUE(sim.Await(catalog->DropPartition(path, {{"day", "1"}}, false, home)).ok());
  EXPECT_EQ(layout(), first);

  schema::TableChange column;
  column.added_columns.push_back({.name = "more", .type = schema::MakeType(schema::TypeKind::kString)});
  ASSERT_TRUE(sim.Await(catalog->AlterTable(path, column, false, home)).ok());
  EXPECT_EQ(layout()->ColumnsOf(SchemaId(1)).ValueOrDie()->size(), 2u);
  EXPECT_EQ(layout()->ColumnsOf(SchemaId(2)).ValueOrDie()->size(), 3u);
  EXPECT_EQ(CodeOf(first->ColumnsOf(SchemaId(2)).status()), ErrorCode::kSchemaNotExist);

  catalog = sim.Await(Catalog::Open(store, clock, {}, home)).ValueOrDie();
  EXPECT_EQ(layout()->ColumnsOf(SchemaId(2)).ValueOrDie()->size(), 3u);
  EXPECT_EQ(layout()->Config().ValueOrDie()->log_format, schema::LogFormat::kArrow);
}

}  // namespace
}  // namespace thalweg::catalog
