#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/testing/memory_meta_store.h"
#include "thalweg/testing/sim_clock.h"
#include "thalweg/testing/sim_executor.h"

namespace thalweg::catalog {
namespace {

using security::AclBinding;
using security::AclFilter;
using security::Operation;
using security::Resource;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

AclBinding Binding(const Resource& resource, const std::string& user, Operation operation = Operation::kRead) {
  return {resource, {.principal = {"User", user}, .operation = operation}};
}

const Resource kOrders = Resource::Table("sales", "orders");
const AclBinding kBob = Binding(kOrders, "bob"), kAnn = Binding(kOrders, "ann"),
                 kCat = Binding(Resource::Cluster(), "cat", Operation::kAll);

class CatalogAclsTest : public ::testing::Test {
 protected:
  void SetUp() override { Restart(); }

  void Restart() {
    catalog_.reset();
    auto opened = sim_.Await(Catalog::Open(store_, clock_, {}, home_));
    ASSERT_TRUE(opened.ok()) << opened.status();
    catalog_ = std::move(*opened);
  }
  arrow::Result<bool> Add(std::vector<AclBinding> bindings) {
    return sim_.Await(catalog_->AddAcls(std::move(bindings), home_));
  }
  arrow::Result<Catalog::DroppedAcls> Drop(
      std::vector<AclFilter> filters, Catalog::PermitAcls permit = [](auto&) { return arrow::Status::OK(); }) {
    return sim_.Await(catalog_->DropAcls(std::move(filters), std::move(permit), home_));
  }
  std::vector<AclBinding> Granted() const {
    std::vector<AclBinding> granted;
    for (const auto& [resource, entries] : catalog_->view()->acls()) {
      for (const auto& entry : entries) granted.push_back({resource, entry});
    }
    return granted;
  }

  thalweg::testing::SimScheduler sim_;
  thalweg::testing::SimClock clock_{sim_};
  runtime::Executor& home_ = sim_.MakeThread("shard");
  thalweg::testing::MemoryMetaStore store_{sim_.MakePool("blocking")};
  std::unique_ptr<Catalog> catalog_;
};

TEST_F(CatalogAclsTest, KeepsWhatWasGranted) {
  ASSERT_TRUE(Add({kBob, kAnn, kCat}).ok());
  EXPECT_THAT(Granted(), ElementsAre(kCat, kAnn, kBob));
  Restart();
  EXPECT_THAT(Granted(), ElementsAre(kCat, kAnn, kBob));
  const AclBinding more = Binding(kOrders, "dan", Operation::kWrite);
  ASSERT_TRUE(Add({more}).ok()) << "the revision of what was read counts";
  Restart();
  EXPECT_THAT(Granted(), ElementsAre(kCat, kAnn, kBob, more));
}

TEST_F(CatalogAclsTest, GrantsTwiceWithoutWritingTwice) {
  ASSERT_TRUE(*Add({kBob, kBob}));
  const int commits = store_.commits();
  EXPECT_FALSE(*Add({kBob}));
  EXPECT_EQ(store_.commits(), commits);
  EXPECT_THAT(Granted(), ElementsAre(kBob));
}

TEST_F(CatalogAclsTest, DropsWhatFiltersMatchUnderTheFirstOfThem) {
  ASSERT_TRUE(Add({kBob, kAnn, kCat}).ok());
  const auto dropped =
      Drop({{.principal = security::Principal{"User", "bob"}}, {.resource_type = security::ResourceType::kTable}});
  ASSERT_TRUE(dropped.ok()) << dropped.status();
  EXPECT_THAT(*dropped, ElementsAre(ElementsAre(kBob), ElementsAre(kAnn)));
  EXPECT_THAT(Granted(), ElementsAre(kCat));
  EXPECT_THAT(*Drop({{.host = "nowhere"}}), ElementsAre(IsEmpty()));
  Restart();
  EXPECT_THAT(Granted(), ElementsAre(kCat));
  ASSERT_TRUE(Add({kBob}).ok());
  EXPECT_THAT(Granted(), ElementsAre(kCat, kBob));
}

TEST_F(CatalogAclsTest, DropsNothingWhereOneResourceMayNotBeChanged) {
  ASSERT_TRUE(Add({kBob, kCat}).ok());
  const auto dropped = Drop({{}}, [](const Resource& resource) {
    return resource == kOrders ? Error(ErrorCode::kAuthorization, "no") : arrow::Status::OK();
  });
  EXPECT_EQ(CodeOf(dropped.status()), ErrorCode::kAuthorization);
  EXPECT_THAT(Granted(), ElementsAre(kCat, kBob));
}

TEST_F(CatalogAclsTest, KeepsNamesThatHoldSlashes) {
  const AclBinding odd = Binding({security::ResourceType::kDatabase, "a/b/c"}, "x/y");
  ASSERT_TRUE(Add({odd}).ok());
  Restart();
  EXPECT_THAT(Granted(), ElementsAre(odd));
}

TEST_F(CatalogAclsTest, ThereIsALimit) {
  std::vector<AclBinding> many;
  for (size_t i = 0; i < kAclEntriesMax; ++i) many.push_back(Binding(kOrders, std::to_string(i)));
  ASSERT_TRUE(Add(many).ok());
  const auto more = Add({kCat});
  EXPECT_EQ(CodeOf(more.status()), ErrorCode::kInvalidConfig);
  EXPECT_THAT(more.status().message(), HasSubstr("10000"));
  EXPECT_EQ(Granted().size(), kAclEntriesMax);
}

TEST_F(CatalogAclsTest, DamageIsReported) {
  ASSERT_TRUE(Add({kBob}).ok());
  catalog_.reset();
  const int64_t epoch = *sim_.Await(store_.TakeEpoch());
  ASSERT_TRUE(sim_.Await(store_.Commit({.epoch = epoch, .puts = {{"acl/4/sales.orders", "{\"entries\":[{}]}"}}})).ok());
  const auto opened = sim_.Await(Catalog::Open(store_, clock_, {}, home_));
  EXPECT_EQ(CodeOf(opened.status()), ErrorCode::kStorage);
  EXPECT_THAT(opened.status().message(), HasSubstr("acl/4/sales.orders"));
}

}  // namespace
}  // namespace thalweg::catalog
