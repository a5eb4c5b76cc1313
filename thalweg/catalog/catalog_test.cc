#include "thalweg/catalog/catalog.h"

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/testing/memory_meta_store.h"
#include "thalweg/testing/sim_clock.h"
#include "thalweg/testing/sim_executor.h"

namespace thalweg::catalog {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

schema::TableDescriptor LogTable(std::vector<std::string> partition_keys = {}, int32_t buckets = 3) {
  schema::TableDescriptor table;
  table.schema =
      schema::Schema::Make({.columns = {{.name = "id", .type = schema::MakeType(schema::TypeKind::kBigInt)},
                                        {.name = "day", .type = schema::MakeType(schema::TypeKind::kString)}}})
          .ValueOrDie();
  table.partition_keys = std::move(partition_keys);
  table.bucket_count = buckets;
  return table;
}

class CatalogTest : public ::testing::Test {
 protected:
  void SetUp() override { Restart(); }

  void Restart(CatalogOptions options = {}) {
    auto opened = sim_.Await(Catalog::Open(store_, clock_, std::move(options), home_));
    ASSERT_TRUE(opened.ok()) << opened.status();
    catalog_ = std::move(*opened);
  }
  template <typename T>
  T Await(runtime::Task<T> task) {
    return sim_.Await(std::move(task));
  }
  arrow::Result<TablePtr> Create(const std::string& name, schema::TableDescriptor table = LogTable(),
                                 bool ignore = false) {
    return Await(catalog_->CreateTable({"fluss", name}, std::move(table), ignore, home_));
  }
  arrow::Result<PartitionPtr> CreatePartition(const std::string& table, const std::string& day, bool ignore = false) {
    return Await(catalog_->CreatePartition({"fluss", table}, {{"day", day}}, ignore, home_));
  }
  arrow::Result<PartitionPtr> DropPartition(const std::string& table, const std::string& day, bool ignore = false) {
    return Await(catalog_->DropPartition({"fluss", table}, {{"day", day}}, ignore, home_));
  }

  thalweg::testing::SimScheduler sim_;
  thalweg::testing::SimClock clock_{sim_};
  runtime::Executor& home_ = sim_.MakeThread("shard");
  thalweg::testing::MemoryMetaStore store_{sim_.MakePool("blocking")};
  std::unique_ptr<Catalog> catalog_;
};

TEST_F(CatalogTest, StartsWithTheDefaultDatabase) {
  ASSERT_EQ(catalog_->view()->database_count(), 1u);
  EXPECT_EQ((*catalog_->view()->GetDatabase("fluss"))->name, "fluss");
  const int commits = store_.commits();
  Restart();
  EXPECT_EQ(store_.commits(), commits) << "nothing is left to write on a second start";
}

TEST_F(CatalogTest, CreatesAndDropsDatabases) {
  auto created = Await(catalog_->CreateDatabase("shop", {.comment = "of things"}, false, home_));
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_THAT((*created)->json, HasSubstr("of things"));
  EXPECT_EQ((*created)->created_ms, clock_.WallMs());
  EXPECT_EQ(CodeOf(Await(catalog_->CreateDatabase("shop", {}, false, home_)).status()),
            ErrorCode::kDatabaseAlreadyExist);
  EXPECT_EQ(*Await(catalog_->CreateDatabase("shop", {}, true, home_)), *created);
  EXPECT_EQ(CodeOf(Await(catalog_->CreateDatabase("a/b", {}, false, home_)).status()), ErrorCode::kInvalidDatabase);
  EXPECT_EQ(catalog_->view()->ListDatabases().size(), 2u);

  ASSERT_TRUE(Await(catalog_->CreateTable({"shop", "t"}, LogTable(), false, home_)).ok());
  EXPECT_EQ(CodeOf(Await(catalog_->DropDatabase("shop", false, false, home_)).status()), ErrorCode::kDatabaseNotEmpty);
  Restart();
  EXPECT_EQ(Await(catalog_->DropDatabase("shop", false, true, home_))->size(), 1u);
  EXPECT_EQ(CodeOf(Await(catalog_->DropDatabase("shop", false, true, home_)).status()), ErrorCode::kDatabaseNotExist);
  EXPECT_TRUE(Await(catalog_->DropDatabase("shop", true, true, home_)).ok());
  EXPECT_EQ(catalog_->view()->table_count(), 0u);
  Restart();
  EXPECT_EQ(catalog_->view()->ListDatabases().size(), 1u);
}

TEST_F(CatalogTest, CreatesTablesThatSurviveARestart) {
  auto created = Create("t");
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ((*created)->schema_id(), SchemaId(1));
  EXPECT_EQ((*created)->bucket_count(), 3);
  EXPECT_EQ(CodeOf(Create("t").status()), ErrorCode::kTableAlreadyExist);
  EXPECT_EQ((*Create("t", LogTable(), true))->id, (*created)->id);
  EXPECT_EQ(CodeOf(Await(catalog_->CreateTable({"none", "t"}, LogTable(), false, home_)).status()),
            ErrorCode::kDatabaseNotExist);
  EXPECT_EQ(CodeOf(Create("a b").status()), ErrorCode::kInvalidTable);
  EXPECT_EQ(CodeOf(Create("u", LogTable({}, 5000)).status()), ErrorCode::kBucketMaxNum);

  Restart();
  const TablePtr table = catalog_->view()->FindTable((*created)->id);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->path, (schema::TablePath{"fluss", "t"}));
  EXPECT_EQ(*table->descriptor, *(*created)->descriptor);
  EXPECT_EQ(table->created_ms, (*created)->created_ms);
  EXPECT_EQ(table->schema(), (*created)->schema());
  EXPECT_EQ(catalog_->view()->FindTable(table->path), table);
}

TEST_F(CatalogTest, ATableThatIsCreatedAgainHasANewId) {
  const TableId first = (*Create("t"))->id;
  EXPECT_EQ((*Await(catalog_->DropTable({"fluss", "t"}, false, home_)))->id, first);
  EXPECT_EQ(CodeOf(Await(catalog_->DropTable({"fluss", "t"}, false, home_)).status()), ErrorCode::kTableNotExist);
  EXPECT_EQ(*Await(catalog_->DropTable({"fluss", "t"}, true, home_)), nullptr);
  Restart();
  EXPECT_FALSE(catalog_->view()->FindTable(first));
  EXPECT_GT((*Create("t"))->id, first);
}

TEST_F(CatalogTest, AlterTableAddsASchemaVersionOrChangesOptions) {
  const TablePtr table = *Create("t");
  const schema::TableChange column{
      .added_columns = {{.name = "note", .type = schema::MakeType(schema::TypeKind::kString)}}};
  auto altered = Await(catalog_->AlterTable(table->path, column, false, home_));
  ASSERT_TRUE(altered.ok()) << altered.status();
  EXPECT_EQ((*altered)->schema_id(), SchemaId(2));
  EXPECT_EQ((*altered)->id, table->id);
  const schema::TableChange option{.options = {{.key = "note.of.mine", .value = "yes"}}};
  auto again = Await(catalog_->AlterTable(table->path, option, false, home_));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ((*again)->schema_id(), SchemaId(2));
  EXPECT_EQ((*again)->descriptor->custom_properties.at("note.of.mine"), "yes");
  EXPECT_EQ(*Await(catalog_->AlterTable(table->path, option, false, home_)), *again) << "nothing left to change";
  const schema::TableChange refused{.dropped_columns = {"id"}};
  EXPECT_EQ(CodeOf(Await(catalog_->AlterTable(table->path, refused, false, home_)).status()),
            ErrorCode::kInvalidAlterTable);
  EXPECT_EQ(CodeOf(Await(catalog_->AlterTable({"fluss", "u"}, option, false, home_)).status()),
            ErrorCode::kTableNotExist);
  EXPECT_EQ(*Await(catalog_->AlterTable({"fluss", "u"}, option, true, home_)), nullptr);

  Restart();
  const CatalogViewPtr view = catalog_->view();
  EXPECT_EQ((*view->GetSchema(table->path, SchemaId(1)))->column_count(), 2u);
  EXPECT_EQ((*view->GetSchema(table->path, SchemaId(2)))->column_count(), 3u);
  EXPECT_EQ(CodeOf(view->GetSchema(table->path, SchemaId(3)).status()), ErrorCode::kSchemaNotExist);
  EXPECT_EQ(CodeOf(view->GetSchema(table->path, SchemaId(0)).status()), ErrorCode::kSchemaNotExist);
  EXPECT_EQ(*(*view->GetTable(table->path))->descriptor, *(*again)->descriptor);
}

TEST_F(CatalogTest, CreatesDropsAndListsPartitions) {
  ASSERT_TRUE(Create("p", LogTable({"day"})).ok());
  ASSERT_TRUE(Create("plain").ok());
  auto created = CreatePartition("p", "2026");
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ((*created)->name, "2026");
  ASSERT_TRUE(CreatePartition("p", "2025").ok());
  EXPECT_EQ(CodeOf(CreatePartition("p", "2026").status()), ErrorCode::kPartitionAlreadyExists);
  EXPECT_EQ((*CreatePartition("p", "2026", true))->id, (*created)->id);
  EXPECT_EQ(CodeOf(CreatePartition("plain", "2026").status()), ErrorCode::kTableNotPartitioned);
  EXPECT_EQ(CodeOf(CreatePartition("none", "2026").status()), ErrorCode::kTableNotExist);
  EXPECT_EQ(CodeOf(CreatePartition("p", "a b").status()), ErrorCode::kPartitionSpecInvalid);

  Restart();
  const CatalogViewPtr view = catalog_->view();
  EXPECT_EQ(view->FindPartition((*created)->id)->name, "2026");
  const auto names = [&](const schema::PartitionSpec& partial) {
    std::vector<std::string> found;
    for (const PartitionPtr& partition : *view->ListPartitions({"fluss", "p"}, partial))
      found.push_back(partition->name);
    return found;
  };
  EXPECT_THAT(names({}), ElementsAre("2025", "2026"));
  EXPECT_THAT(names({{"day", "2025"}}), ElementsAre("2025"));
  EXPECT_EQ(CodeOf(view->ListPartitions({"fluss", "p"}, {{"hour", "1"}}).status()), ErrorCode::kPartitionSpecInvalid);
  EXPECT_EQ(CodeOf(view->ListPartitions({"fluss", "plain"}, {}).status()), ErrorCode::kTableNotPartitioned);

  EXPECT_EQ((*DropPartition("p", "2026"))->id, (*created)->id);
  EXPECT_EQ(CodeOf(DropPartition("p", "2026").status()), ErrorCode::kPartitionNotExists);
  EXPECT_EQ(*DropPartition("p", "2026", true), nullptr);
  EXPECT_FALSE(catalog_->view()->FindPartition((*created)->id));
  EXPECT_TRUE(view->FindPartition((*created)->id)) << "an older view stays as it is";
  EXPECT_GT((*CreatePartition("p", "2026"))->id, (*created)->id);
}

TEST_F(CatalogTest, PartitionsAndTheirBucketsAreLimited) {
  Restart({.rules = {.bucket_count_max = 10}, .partition_count_max = 4});
  ASSERT_TRUE(Create("few", LogTable({"day"}, 1)).ok());
  ASSERT_TRUE(Create("wide", LogTable({"day"}, 4)).ok());
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(CreatePartition("few", std::to_string(i)).ok());
  EXPECT_EQ(CodeOf(CreatePartition("few", "4").status()), ErrorCode::kPartitionMaxNum);
  ASSERT_TRUE(CreatePartition("wide", "0").ok());
  ASSERT_TRUE(CreatePartition("wide", "1").ok());
  EXPECT_EQ(CodeOf(CreatePartition("wide", "2").status()), ErrorCode::kBucketMaxNum);
  ASSERT_TRUE(DropPartition("wide", "0").ok());
  EXPECT_TRUE(CreatePartition("wide", "2").ok());
}

TEST_F(CatalogTest, WriterIdsAreReservedInBlocksAndNeverGivenTwice) {
  const int commits = store_.commits();
  std::set<int64_t> ids;
  for (int i = 0; i < 1500; ++i) EXPECT_TRUE(ids.insert(Await(catalog_->NextWriterId(home_))->value).second);
  EXPECT_EQ(store_.commits(), commits + 2);
  Restart();
  EXPECT_GT(Await(catalog_->NextWriterId(home_))->value, *ids.rbegin());
}

TEST_F(CatalogTest, NumbersOfAColumnAreNeverGivenTwice) {
  const TableId table = Create("t").ValueOrDie()->id;
  EXPECT_EQ(Await(catalog_->ReserveRowNumbers(table, 3, 100, home_)).ValueOrDie(), 1);
  EXPECT_EQ(Await(catalog_->ReserveRowNumbers(table, 3, 50, home_)).ValueOrDie(), 101);
  EXPECT_EQ(Await(catalog_->ReserveRowNumbers(table, 4, 50, home_)).ValueOrDie(), 1);
  Restart();
  EXPECT_EQ(Await(catalog_->ReserveRowNumbers(table, 3, 1, home_)).ValueOrDie(), 151);
  EXPECT_EQ(CodeOf(Await(catalog_->ReserveRowNumbers(TableId(99), 3, 1, home_)).status()),
            ErrorCode::kUnknownTableOrBucket);
}

TEST_F(CatalogTest, ConcurrentChangesGoOneAtATime) {
  int created = 0;
  int refused = 0;
  const auto create = [&](std::string name) -> runtime::Task<void> {
    const auto table = co_await catalog_->CreateTable({"fluss", name}, LogTable(), false, home_);
    EXPECT_TRUE(home_.RunsHere());
    (table.ok() ? created : refused) += 1;
    if (!table.ok()) EXPECT_EQ(CodeOf(table.status()), ErrorCode::kTableAlreadyExist);
  };
  for (int i = 0; i < 40; ++i) runtime::SpawnOn(home_, create(fmt::format("t{}", i % 20)));
  ASSERT_TRUE(sim_.RunUntil([&] { return created + refused == 40; }));
  EXPECT_EQ(created, 20);
  EXPECT_EQ(catalog_->view()->table_count(), 20u);
}

TEST_F(CatalogTest, AChangeWithUnknownOutcomeIsLookedUp) {
  for (const bool happens : {false, true}) {
    const std::string name = happens ? "yes" : "no";
    store_.FailNextCommit(happens);
    EXPECT_EQ(CodeOf(Create(name).status()), ErrorCode::kStorage);
    EXPECT_EQ(catalog_->view()->FindTable({"fluss", name}) != nullptr, happens);
    const auto again = Create(name);
    EXPECT_EQ(CodeOf(again.status()), happens ? ErrorCode::kTableAlreadyExist : ErrorCode::kNone);
  }
  std::set<TableId> ids;
  for (const TablePtr& table : catalog_->view()->ListAllTables()) EXPECT_TRUE(ids.insert(table->id).second);
  EXPECT_EQ(ids.size(), 2u);
}

TEST_F(CatalogTest, AnotherServerTakesOver) {
  const std::unique_ptr<Catalog> old = std::move(catalog_);
  Restart();
  ASSERT_TRUE(Create("t").ok());
  EXPECT_EQ(CodeOf(Await(old->CreateTable({"fluss", "u"}, LogTable(), false, home_)).status()),
            ErrorCode::kFencedLeaderEpoch);
  EXPECT_EQ(CodeOf(Await(old->NextWriterId(home_)).status()), ErrorCode::kFencedLeaderEpoch);
}

TEST_F(CatalogTest, RefusesALaterFormat) {
  const auto epoch = *Await(store_.TakeEpoch());
  ASSERT_TRUE(Await(store_.Commit({.epoch = epoch, .puts = {{"format", "2"}}})).ok());
  const auto refused = Await(Catalog::Open(store_, clock_, {}, home_));
  EXPECT_EQ(CodeOf(refused.status()), ErrorCode::kUnsupportedVersion);
  EXPECT_TRUE(Await(store_.Commit({.epoch = epoch})).ok()) << "it has not even taken an epoch";
}

TEST_F(CatalogTest, DamageIsReportedByItsKey) {
  ASSERT_TRUE(Create("t").ok());
  const auto epoch = *Await(store_.TakeEpoch());
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{{"table/fluss/t", "{}"},
                                                                                   {"table/fluss/t", "x"},
                                                                                   {"database/fluss", "[]"},
                                                                                   {"partition/1/a", "{\"id\":1}"},
                                                                                   {"schema/1/1", "{}"},
                                                                                   {"counter/table", "12x"}}) {
    const auto before = *Await(store_.Get(key));
    MetaStore::Transaction damage{.epoch = *Await(store_.TakeEpoch()), .puts = {{key, value}}};
    ASSERT_TRUE(Await(store_.Commit(damage)).ok());
    const auto refused = Await(Catalog::Open(store_, clock_, {}, home_));
    EXPECT_EQ(CodeOf(refused.status()), ErrorCode::kStorage) << key;
    EXPECT_THAT(refused.status().message(), HasSubstr(key));
    MetaStore::Transaction repair{.epoch = *Await(store_.TakeEpoch())};
    if (before) repair.puts = {{key, before->value}};
    if (!before) repair.removals = {key};
    ASSERT_TRUE(Await(store_.Commit(repair)).ok());
  }
  (void)epoch;
  Restart();
}

TEST_F(CatalogTest, ManyTablesShareOneView) {
  const schema::TableDescriptor table = LogTable();
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(Create(fmt::format("t{}", i), table).ok());
  const CatalogViewPtr before = catalog_->view();
  ASSERT_TRUE(Create("last", table).ok());
  EXPECT_EQ(before->table_count(), 1000u);
  EXPECT_EQ(catalog_->view()->ListTables("fluss")->size(), 1001u);
  for (const TablePtr& kept : before->ListAllTables()) EXPECT_EQ(catalog_->view()->FindTable(kept->id), kept);
  Restart();
  EXPECT_EQ(catalog_->view()->table_count(), 1001u);
}

TEST_F(CatalogTest, ADropIsRememberedUntilItsDataAreGone) {
  const TableId table = (*Create("t", LogTable()))->id;
  ASSERT_TRUE(Await(catalog_->DropTable({"fluss", "t"}, false, home_)).ok());
  Restart();
  EXPECT_EQ(*Await(catalog_->ListDropped(home_)), (std::vector<Dropped>{{table}}));
  ASSERT_TRUE(Await(catalog_->ForgetDropped({table}, home_)).ok());
  EXPECT_TRUE(Await(catalog_->ListDropped(home_))->empty());
  EXPECT_TRUE(Await(catalog_->ForgetDropped({table}, home_)).ok()) << "once more does no harm";
}

TEST_F(CatalogTest, WhatIsSetForTheClusterLastsAndIsOneChange) {
  const auto set = [&](const std::string& key, const std::string& value) {
    return Await(
        catalog_->ChangeCluster([&](Cluster& cluster) { return cluster.ChangeConfigs({{key, value}}, {}); }, home_));
  };
  ASSERT_TRUE(set("datalake.format", "paimon").ok());
  const auto refused = Await(catalog_->ChangeCluster(
      [](Cluster& cluster) { return cluster.ChangeConfigs({{"datalake.paimon.x", "1"}, {"max.bucket.num", "1"}}, {}); },
      home_));
  EXPECT_EQ(CodeOf(refused.status()), ErrorCode::kConfig);
  ASSERT_TRUE(Await(catalog_->ChangeCluster([](Cluster& cluster) { return cluster.AddTag({0}, 1); }, home_)).ok());
  ASSERT_TRUE(Await(catalog_->ChangeCluster([](Cluster& cluster) { return cluster.Rebalance({}); }, home_)).ok());
  const std::string rebalance = catalog_->view()->cluster()->rebalance_id;
  Restart();
  const ClusterPtr cluster = catalog_->view()->cluster();
  EXPECT_EQ(cluster->configs, (std::map<std::string, std::string>{{"datalake.format", "paimon"}}));
  EXPECT_EQ(cluster->server_tags, (std::map<int32_t, int32_t>{{0, 1}}));
  EXPECT_EQ(cluster->rebalance_id, rebalance);
  EXPECT_EQ(cluster->rebalance_status, RebalanceStatus::kCompleted);
  EXPECT_EQ(CodeOf(Create("none", LogTable()).status()), ErrorCode::kInvalidReplicationFactor) << "tagged as offline";
  ASSERT_TRUE(Await(catalog_->ChangeCluster([](Cluster& c) { return c.RemoveTag({0}, 1); }, home_)).ok());
  ASSERT_TRUE(Create("stamped", LogTable()).ok());
  EXPECT_EQ(catalog_->view()->FindTable({"fluss", "stamped"})->descriptor->properties.at("table.datalake.format"),
            "paimon");
}

}  // namespace
}  // namespace thalweg::catalog
