#include "thalweg/query/definitions.h"

#include "thalweg/query/test_query_internal.h"

namespace thalweg::query {
namespace {

class DefinitionsTest : public QueryTest {
 protected:
  void SetUp() override {
    QueryTest::SetUp();
    environment_->table_changed = [this](TableId id, runtime::Executor&) -> runtime::Task<> {
      changed_.push_back(id);
      co_return;
    };
    environment_->dropped = [this](const catalog::Table& table, std::optional<PartitionId> partition,
                                   runtime::Executor&) {
      dropped_.push_back(table.path.table + (partition ? " in part" : ""));
    };
  }

  template <typename T>
  static ErrorCode CodeIn(const arrow::Result<T>& result) {
    return CodeOf(result.status());
  }

  std::vector<TableId> changed_;
  std::vector<std::string> dropped_;
};

TEST_F(DefinitionsTest, TablesComeChangeAndGo) {
  const auto table = Create("t", TestTable({"id"}));
  EXPECT_EQ(table->kind(), TableKind::kPrimaryKey);
  // Normalize was called.
  EXPECT_EQ(table->base()->descriptor->bucket_keys, std::vector<std::string>{"id"});
  EXPECT_EQ(CodeIn(sim_.Await(CreateTable(AsUser(), {"fluss", "t"}, TestTable(), false, home_))),
            ErrorCode::kTableAlreadyExist);
  schema::TableChange change{.options = {{.key = "table.log.ttl", .value = "1 d"}}};
  const auto altered = sim_.Await(AlterTable(AsUser(), {"fluss", "t"}, change, false, home_));
  ASSERT_TRUE(altered.ok()) << altered.status();
  EXPECT_EQ(changed_, (std::vector<TableId>{table->id(), table->id()}));
  const auto none = sim_.Await(AlterTable(AsUser(), {"fluss", "none"}, change, true, home_));
  EXPECT_TRUE(none.ok() && *none == nullptr);
  EXPECT_TRUE(*sim_.Await(DropTable(AsUser(), {"fluss", "t"}, false, home_)));
  EXPECT_FALSE(*sim_.Await(DropTable(AsUser(), {"fluss", "t"}, true, home_)));
  EXPECT_EQ(CodeIn(sim_.Await(DropTable(AsUser(), {"fluss", "t"}, false, home_))), ErrorCode::kTableNotExist);
  EXPECT_EQ(CodeIn(sim_.Await(DropTable(AsUser(), {"fluss", "t$changelog"}, true, home_))), ErrorCode::kInvalidTable);
  EXPECT_EQ(dropped_, std::vector<std::string>{"t"});
}

TEST_F(DefinitionsTest, WhatTheRpcPortRefusesIsRefused) {
  schema::TableDescriptor table = TestTable();
  table.properties["table.no.such"] = "1";
  EXPECT_EQ(CodeIn(sim_.Await(CreateTable(AsUser(), {"fluss", "t"}, table, false, home_))), ErrorCode::kInvalidConfig);
  EXPECT_EQ(CodeIn(sim_.Await(CreateTable(AsUser(), {"none", "t"}, TestTable(), false, home_))),
            ErrorCode::kDatabaseNotExist);
}

TEST_F(DefinitionsTest, DatabasesAndPartitions) {
  ASSERT_TRUE(sim_.Await(CreateDatabase(AsUser(), "shop", {}, false, home_)).ok());
  EXPECT_EQ(AsUser().ListDatabases().size(), 2u);
  ASSERT_TRUE(sim_.Await(CreateTable(AsUser(), {"shop", "t"}, TestTable({}, 1, {"name"}), false, home_)).ok());
  const auto partition = sim_.Await(CreatePartition(AsUser(), {"shop", "t"}, {{"name", "eu"}}, false, home_));
  ASSERT_TRUE(partition.ok()) << partition.status();
  EXPECT_EQ((*partition)->name, "eu");
  EXPECT_TRUE(*sim_.Await(DropPartition(AsUser(), {"shop", "t"}, {{"name", "eu"}}, false, home_)));
  EXPECT_EQ(CodeOf(sim_.Await(DropDatabase(AsUser(), "shop", false, false, home_))), ErrorCode::kDatabaseNotEmpty);
  ASSERT_TRUE(sim_.Await(DropDatabase(AsUser(), "shop", false, true, home_)).ok());
  EXPECT_EQ(dropped_, (std::vector<std::string>{"t in part", "t"}));
}

TEST_F(DefinitionsTest, WithoutRightsNothingHappens) {
  Create("t", TestTable({}, 1, {"name"}));
  const security::AccessPolicy policy;
  environment_->policy = &policy;
  const auto denied = ErrorCode::kAuthorization;
  EXPECT_EQ(CodeOf(sim_.Await(CreateDatabase(AsUser(), "shop", {}, false, home_))), denied);
  EXPECT_EQ(CodeOf(sim_.Await(AlterDatabase(AsUser(), "fluss", {}, "hm", false, home_))), denied);
  EXPECT_EQ(CodeOf(sim_.Await(DropDatabase(AsUser(), "fluss", false, true, home_))), denied);
  EXPECT_EQ(CodeIn(sim_.Await(CreateTable(AsUser(), {"fluss", "u"}, TestTable(), false, home_))), denied);
  EXPECT_EQ(CodeIn(sim_.Await(AlterTable(AsUser(), {"fluss", "t"}, {}, false, home_))), denied);
  EXPECT_EQ(CodeIn(sim_.Await(CreatePartition(AsUser(), {"fluss", "t"}, {{"name", "a"}}, false, home_))), denied);
  EXPECT_EQ(CodeIn(sim_.Await(DropPartition(AsUser(), {"fluss", "t"}, {{"name", "a"}}, false, home_))), denied);
  EXPECT_TRUE(dropped_.empty());
  environment_->policy = nullptr;
}

}  // namespace
}  // namespace thalweg::query
