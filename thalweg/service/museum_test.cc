// What users of Apache Fluss hit at the wire, each by the number of its issue (tests/museum/README.md lists them all).
// Written from the reports alone.

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/service/test_tables_internal.h"

namespace thalweg::service {
namespace {

using ::testing::ElementsAreArray;

class BugMuseum : public ServiceTest {
 protected:
  /// A server whose requests may hold so much memory that one leaked frame in a hundred would stop it.
  void SetUp() override { Start({.limits = {.request_memory_bytes = 20'000, .fetch_wait_ms_max = 200}}); }

  static pb::FetchLogRequest WaitingFetch(int64_t table) {
    pb::FetchLogRequest fetch = Fetch(table);
    fetch.set_max_wait_ms(100);
    fetch.set_min_bytes(1);
    return fetch;
  }
};

/// Each fetch that timed out leaked the buffer of its answer, until the server ran out of direct memory.
TEST_F(BugMuseum, Fluss2925FetchesThatTimeOutGiveTheirMemoryBack) {
  const int64_t table = CreateTable("t");
  for (int i = 0; i < 2000; ++i) {
    const auto answer = client_->Call<pb::FetchLogResponse>(wire::ApiKey::kFetchLog, WaitingFetch(table));
    ASSERT_TRUE(answer.ok()) << i << ": " << answer.status();
  }
  // Nearly all of the memory is free: this would wait for ever otherwise.
  EXPECT_EQ(Append(table, EncodeTestBatch({.count = 600})).base_offset(), 0);
}

/// So did those whose clients had gone before the answer.
TEST_F(BugMuseum, Fluss2925FetchesOfClientsThatAreGoneGiveTheirMemoryBack) {
  const int64_t table = CreateTable("t");
  for (int i = 0; i < 300; ++i) {
    const auto leaving = server_->Connect();
    for (int n = 0; n < 5; ++n) leaving->Send(wire::ApiKey::kFetchLog, WaitingFetch(table));
    if (i % 2 == 0) server_->sim.RunFor(std::chrono::milliseconds(1));
    leaving->Close();
  }
  server_->sim.RunFor(std::chrono::seconds(1));
  EXPECT_EQ(Append(table, EncodeTestBatch({.count = 600})).base_offset(), 0);
}

/// Metadata was answered by few threads, one request after the other; once clients asked faster than that, they timed out and
/// asked again, and nothing else was served (1454, 2073).
TEST_F(BugMuseum, Fluss1454AClientThatAsksWithoutPauseHoldsNobodyUp) {
  const int64_t table = CreateTable("t");
  pb::MetadataRequest nowhere;
  *nowhere.add_table_path() = PathOf("nowhere");
  const auto noisy = server_->Connect();
  for (int i = 0; i < 5000; ++i) noisy->Send(wire::ApiKey::kGetMetadata, nowhere);
  const int64_t before = server_->clock.MonotonicNs();
  EXPECT_EQ(Append(table, EncodeTestBatch({.count = 3})).base_offset(), 0);
  EXPECT_LT(server_->clock.MonotonicNs() - before, 100'000'000) << "as if it were alone";
}

/// A reader that was answered while a batch was still on its way to the other replicas saw it, and after a fail-over it was
/// gone (704, 731): here nothing is seen before it is as durable as it will ever be.
TEST_F(BugMuseum, Fluss704WhatAReaderSawIsThereAfterAPowerCut) {
  const int64_t table = CreateTable("t");
  std::vector<int64_t> seen;
  for (int64_t i = 0; i < 12; ++i) {
    client_->Send(wire::ApiKey::kProduceLog, Produce(table, EncodeTestBatch({.first = i}), 0, 0));
    // Not waited for: the fetch comes while the batch is anywhere between the socket and the disk.
    const std::string records = FetchedOne(Fetch(table)).records();
    seen = IdsIn(records);
    const auto cut = server_->disk.PowerCut(testing::PowerLoss::kDropUnsynced);
    TestServerOptions options;
    options.fs = cut.get();
    TestServer after(std::move(options));
    const auto client = after.Connect();
    pb::CreateTableRequest create;
    *create.mutable_table_path() = PathOf("t");
    create.set_table_json(LogTable().ToJson());
    create.set_ignore_if_exists(false);
    ASSERT_TRUE(client->Call<pb::CreateTableResponse>(wire::ApiKey::kCreateTable, create).ok());
    ASSERT_EQ(after.catalog->view()->FindTable({"fluss", "t"})->id.value, table)
        << "the same number, so the same files";
    const auto answer = client->Call<pb::FetchLogResponse>(wire::ApiKey::kFetchLog, Fetch(table));
    ASSERT_TRUE(answer.ok());
    std::vector<int64_t> found = IdsIn(answer->tables_resp(0).buckets_resp(0).records());
    ASSERT_GE(found.size(), seen.size());
    found.resize(seen.size());
    EXPECT_THAT(found, ElementsAreArray(seen));
  }
  EXPECT_FALSE(seen.empty());
}

}  // namespace
}  // namespace thalweg::service
