#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/testing/memory_meta_store.h"
#include "thalweg/testing/sim_clock.h"
#include "thalweg/testing/sim_executor.h"

namespace thalweg::catalog {
namespace {

using std::chrono::seconds;

TableBucket BucketOf(int64_t table, int32_t bucket, PartitionId partition = kNoPartition) {
  return {TableId(table), partition, BucketId(bucket)};
}

class CatalogProducersTest : public ::testing::Test {
 protected:
  void SetUp() override { Restart(); }

  void Restart() {
    catalog_.reset();
    auto opened = sim_.Await(Catalog::Open(store_, clock_, {}, home_));
    ASSERT_TRUE(opened.ok()) << opened.status();
    catalog_ = std::move(*opened);
  }
  ProducerOffsets Some(int64_t ttl_ms, int64_t offset = 7) const {
    return {.expires_ms = clock_.WallMs() + ttl_ms,
            .offsets = {{BucketOf(1, 0), LogOffset(offset)}, {BucketOf(2, 3, PartitionId(4)), LogOffset(0)}}};
  }
  arrow::Result<bool> Register(const std::string& producer, ProducerOffsets offsets) {
    return sim_.Await(catalog_->RegisterProducerOffsets(producer, std::move(offsets), home_));
  }
  std::optional<ProducerOffsets> Get(const std::string& producer) {
    const auto got = sim_.Await(catalog_->GetProducerOffsets(producer, home_));
    EXPECT_TRUE(got.ok()) << got.status();
    return got.ok() ? *got : std::nullopt;
  }
  arrow::Result<bool> Delete(const std::string& producer, arrow::Status permitted = arrow::Status::OK()) {
    return sim_.Await(catalog_->DeleteProducerOffsets(producer, [permitted](const auto&) { return permitted; }, home_));
  }
  size_t Stored() { return sim_.Await(store_.List("producer/"))->size(); }

  thalweg::testing::SimScheduler sim_;
  thalweg::testing::SimClock clock_{sim_};
  runtime::Executor& home_ = sim_.MakeThread("shard");
  thalweg::testing::MemoryMetaStore store_{sim_.MakePool("blocking")};
  std::unique_ptr<Catalog> catalog_;
};

TEST_F(CatalogProducersTest, TheFirstStayWhateverComesAfter) {
  EXPECT_EQ(Get("job"), std::nullopt);
  const ProducerOffsets first = Some(60'000);
  EXPECT_TRUE(*Register("job", first));
  EXPECT_FALSE(*Register("job", Some(90'000, 99)));
  EXPECT_EQ(Get("job"), first);
  Restart();
  EXPECT_EQ(Get("job"), first);
  EXPECT_FALSE(*Register("job", Some(90'000, 99)));
  EXPECT_TRUE(*Register("other", Some(60'000)));
}

TEST_F(CatalogProducersTest, WhatHasExpiredIsReplacedAndRemoved) {
  ASSERT_TRUE(*Register("job", Some(10'000)));
  ASSERT_TRUE(*Register("gone", Some(10'000)));
  ASSERT_TRUE(*Register("long", Some(90'000)));
  sim_.RunFor(seconds(9));
  EXPECT_TRUE(Get("job"));
  sim_.RunFor(seconds(2));
  EXPECT_EQ(Get("job"), std::nullopt);
  EXPECT_EQ(Stored(), 3u);
  Restart();
  const ProducerOffsets next = Some(60'000, 8);
  EXPECT_TRUE(*Register("job", next));
  EXPECT_EQ(Get("job"), next);
  EXPECT_EQ(Stored(), 2u) << "'gone' went along";
  EXPECT_TRUE(Get("long"));
}

TEST_F(CatalogProducersTest, DeletedOnceAndForAll) {
  ASSERT_TRUE(*Register("job", Some(60'000)));
  EXPECT_EQ(CodeOf(Delete("job", Error(ErrorCode::kAuthorization, "no")).status()), ErrorCode::kAuthorization);
  EXPECT_TRUE(Get("job"));
  EXPECT_TRUE(*Delete("job"));
  EXPECT_FALSE(*Delete("job"));
  EXPECT_EQ(Get("job"), std::nullopt);
  Restart();
  EXPECT_EQ(Get("job"), std::nullopt);
  EXPECT_TRUE(*Register("job", Some(60'000)));
  EXPECT_TRUE(*Register("brief", Some(1'000)));
  sim_.RunFor(seconds(2));
  EXPECT_FALSE(*Delete("brief", Error(ErrorCode::kAuthorization, "no"))) << "nobody is told that it was there";
  EXPECT_EQ(Stored(), 1u);
}

TEST_F(CatalogProducersTest, TakesNoMoreThanItHasRoomFor) {
  ProducerOffsets large = Some(60'000);
  for (int32_t i = 0; i < 200'000; ++i) large.offsets.emplace_back(BucketOf(1, i), LogOffset(INT64_MAX));
  EXPECT_EQ(CodeOf(Register("large", large).status()), ErrorCode::kRecordTooLarge);
  large.offsets.resize(100'000);
  int registered = 0;
  arrow::Status refused;
  while (registered < 100 && refused.ok()) {
    refused = Register("large" + std::to_string(registered), large).status();
    if (refused.ok()) ++registered;
  }
  EXPECT_EQ(CodeOf(refused), ErrorCode::kInvalidConfig) << refused;
  EXPECT_GE(registered, 8);
  EXPECT_TRUE(*Delete("large0"));
  EXPECT_TRUE(*Register("again", large));
  // What has expired takes no room.
  sim_.RunFor(seconds(61));
  EXPECT_TRUE(*Register("later", Some(60'000)));
  EXPECT_EQ(Stored(), 1u);
}

TEST_F(CatalogProducersTest, DamageIsReportedByName) {
  for (const char* value : {"", "7", "{}", R"({"expires_ms":9})", R"({"expires_ms":9,"offsets":[[1,2,3]]})",
                            R"({"expires_ms":9,"offsets":[[1,2,3,"4"]]})"}) {
    thalweg::testing::MemoryMetaStore store{sim_.MakePool("blocking")};
    const auto epoch = sim_.Await(store.TakeEpoch());
    ASSERT_TRUE(sim_.Await(store.Commit({.epoch = *epoch, .puts = {{"producer/job", value}}})).ok());
    const auto opened = sim_.Await(Catalog::Open(store, clock_, {}, home_));
    EXPECT_EQ(CodeOf(opened.status()), ErrorCode::kStorage) << value;
    EXPECT_NE(opened.status().message().find("producer/job"), std::string::npos) << opened.status();
  }
}

}  // namespace
}  // namespace thalweg::catalog
