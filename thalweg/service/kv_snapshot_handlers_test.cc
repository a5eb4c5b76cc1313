// GET_LATEST_KV_SNAPSHOTS, GET_KV_SNAPSHOT_METADATA, LIST_KV_SNAPSHOTS, and leases, against a server that makes a snapshot each
// second.

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/fluss_admin.pb.h"
#include "thalweg/format/key_encoder.h"
#include "thalweg/format/kv_batch.h"
#include "thalweg/format/row_format.h"
#include "thalweg/security/access_policy.h"
#include "thalweg/service/test_tables_internal.h"

namespace thalweg::service {
namespace {

using wire::ApiKey;

class KvSnapshotHandlersTest : public ServiceTest {
 protected:
  void SetUp() override {
    Start({.remote = true});
    keyed_ = CreateTable("keyed", KeyTable());
  }

  /// One row; then time for a snapshot.
  void Put(int64_t id) {
    const schema::DataType type = schema::NotNull(schema::MakeType(schema::TypeKind::kBigInt));
    const auto key = format::EncodeKey(format::KeyFormat::kCompacted, {{format::Datum{id}}}, {{type}}).ValueOrDie();
    const std::vector<format::Datum> values = {{id}, {std::string("name")}};
    const std::vector<schema::DataType> types = {type, schema::MakeType(schema::TypeKind::kString)};
    const auto row = format::EncodeRow(format::RowFormat::kCompacted, values, types).ValueOrDie();
    format::KvBatchBuilder batch;
    batch.Append(key, ByteView(row));
    pb::PutKvRequest request;
    request.set_acks(-1);
    request.set_table_id(keyed_);
    request.set_timeout_ms(10'000);
    auto* bucket = request.add_buckets_req();
    bucket->set_bucket_id(0);
    bucket->set_records(std::string(AsText(batch.Finish(SchemaId(1), kNoWriter, -1))));
    const auto answer = client_->Call<pb::PutKvResponse>(ApiKey::kPutKv, request);
    ASSERT_TRUE(answer.ok() && !answer->buckets_resp(0).has_error_code());
    server_->sim.RunFor(std::chrono::seconds(3));
  }
  arrow::Result<pb::GetLatestKvSnapshotsResponse> Latest(const std::string& table = "keyed",
                                                         const std::string& partition = "") {
    pb::GetLatestKvSnapshotsRequest request;
    *request.mutable_table_path() = PathOf(table);
    if (!partition.empty()) request.set_partition_name(partition);
    return client_->Call<pb::GetLatestKvSnapshotsResponse>(ApiKey::kGetLatestKvSnapshots, request);
  }
  arrow::Result<pb::GetKvSnapshotMetadataResponse> Metadata(int64_t id, int32_t bucket = 0) {
    pb::GetKvSnapshotMetadataRequest request;
    request.set_table_id(keyed_);
    request.set_bucket_id(bucket);
    request.set_snapshot_id(id);
    return client_->Call<pb::GetKvSnapshotMetadataResponse>(ApiKey::kGetKvSnapshotMetadata, request);
  }
  std::vector<int64_t> List() {
    pb::ListKvSnapshotsRequest request;
    request.set_table_id(keyed_);
    const auto answer = client_->Call<pb::ListKvSnapshotsResponse>(ApiKey::kListKvSnapshots, request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    std::vector<int64_t> ids;
    for (const auto& active : answer->active_snapshots()) ids.push_back(active.snapshot_id());
    return ids;
  }
  arrow::Result<pb::AcquireKvSnapshotLeaseResponse> Acquire(const std::string& lease, int64_t id,
                                                            int64_t duration_ms = 60'000, int32_t bucket = 0) {
    pb::AcquireKvSnapshotLeaseRequest request;
    request.set_lease_id(lease);
    request.set_lease_duration_ms(duration_ms);
    auto* table = request.add_snapshots_to_lease();
    table->set_table_id(keyed_);
    auto* snapshot = table->add_bucket_snapshots();
    snapshot->set_bucket_id(bucket);
    snapshot->set_snapshot_id(id);
    return client_->Call<pb::AcquireKvSnapshotLeaseResponse>(ApiKey::kAcquireKvSnapshotLease, request);
  }
  arrow::Status Drop(const std::string& lease) {
    pb::DropKvSnapshotLeaseRequest request;
    request.set_lease_id(lease);
    return client_->Call<pb::DropKvSnapshotLeaseResponse>(ApiKey::kDropKvSnapshotLease, request).status();
  }

  int64_t keyed_ = 0;
};

TEST_F(KvSnapshotHandlersTest, TheLatestIsToldAndItsFilesCanBeRead) {
  auto latest = Latest();
  ASSERT_TRUE(latest.ok()) << latest.status();
  EXPECT_EQ(latest->table_id(), keyed_);
  ASSERT_EQ(latest->latest_snapshots_size(), 1);
  EXPECT_FALSE(latest->latest_snapshots(0).has_snapshot_id()) << "there is none yet";
  Put(1);
  Put(2);
  Put(3);
  latest = Latest();
  ASSERT_TRUE(latest.ok()) << latest.status();
  EXPECT_EQ(latest->latest_snapshots(0).snapshot_id(), 2);
  EXPECT_EQ(latest->latest_snapshots(0).log_offset(), 3);
  EXPECT_THAT(List(), ::testing::ElementsAre(1, 2));
  const auto metadata = Metadata(2);
  ASSERT_TRUE(metadata.ok()) << metadata.status();
  EXPECT_EQ(metadata->log_offset(), 3);
  ASSERT_EQ(metadata->snapshot_files_size(), 1);
  const std::string path = metadata->snapshot_files(0).remote_path();
  EXPECT_EQ(path, fmt::format("file:/remote/kv/fluss/keyed-{}/0/snap-2/STATE", keyed_));
  EXPECT_TRUE(server_->disk.Exists(path.substr(6)).ValueOrDie());
}

TEST_F(KvSnapshotHandlersTest, WhatThereIsNotIsRefused) {
  Put(1);
  CreateTable("plain");
  EXPECT_EQ(CodeOf(Latest("plain").status()), ErrorCode::kNonPrimaryKeyTable);
  EXPECT_EQ(CodeOf(Latest("missing").status()), ErrorCode::kTableNotExist);
  EXPECT_EQ(CodeOf(Latest("keyed", "monday").status()), ErrorCode::kTableNotPartitioned);
  EXPECT_EQ(CodeOf(Metadata(7).status()), ErrorCode::kKvSnapshotNotExist);
  EXPECT_EQ(CodeOf(Metadata(0, 9).status()), ErrorCode::kKvSnapshotNotExist);
  EXPECT_EQ(CodeOf(Acquire("", 0).status()), ErrorCode::kInvalidConfig);
  EXPECT_EQ(CodeOf(Acquire("reader", 0, 0).status()), ErrorCode::kInvalidConfig);
  keyed_ += 100;
  EXPECT_EQ(CodeOf(Metadata(0).status()), ErrorCode::kKvSnapshotNotExist);
  EXPECT_EQ(CodeOf(Acquire("reader", 0).status()), ErrorCode::kUnknownTableOrBucket);
}

TEST_F(KvSnapshotHandlersTest, ALeasedSnapshotIsNotDeleted) {
  Put(1);
  const auto held = Acquire("reader", 0);
  ASSERT_TRUE(held.ok()) << held.status();
  EXPECT_EQ(held->unavailable_snapshots_size(), 0);
  const auto none = Acquire("reader", 5, 60'000, 1);
  ASSERT_TRUE(none.ok()) << none.status();
  ASSERT_EQ(none->unavailable_snapshots_size(), 1);
  EXPECT_EQ(none->unavailable_snapshots(0).table_id(), keyed_);
  EXPECT_EQ(none->unavailable_snapshots(0).bucket_snapshots(0).snapshot_id(), 5);
  for (int i = 2; i < 6; ++i) Put(i);
  EXPECT_THAT(List(), ::testing::ElementsAre(0, 3, 4));
  EXPECT_TRUE(Metadata(0).ok());

  pb::ReleaseKvSnapshotLeaseRequest release;
  release.set_lease_id("reader");
  auto* bucket = release.add_buckets_to_release();
  bucket->set_table_id(keyed_);
  bucket->set_bucket_id(0);
  const auto released = client_->Call<pb::ReleaseKvSnapshotLeaseResponse>(ApiKey::kReleaseKvSnapshotLease, release);
  ASSERT_TRUE(released.ok()) << released.status();
  server_->sim.RunFor(std::chrono::seconds(3));
  EXPECT_THAT(List(), ::testing::ElementsAre(3, 4));
  EXPECT_EQ(CodeOf(Metadata(0).status()), ErrorCode::kKvSnapshotNotExist);
}

TEST_F(KvSnapshotHandlersTest, ALeaseIsDroppedByWhoMayReadItsTables) {
  Put(1);
  ASSERT_TRUE(Acquire("reader", 0).ok());
  security::AccessPolicy policy;
  server_->services->policy = &policy;
  EXPECT_EQ(CodeOf(Drop("reader")), ErrorCode::kAuthorization);
  EXPECT_TRUE(Drop("nobody's").ok());
  policy.super_users = {security::kAnonymous};
  EXPECT_TRUE(Drop("reader").ok());
  server_->services->policy = nullptr;
  for (int i = 2; i < 5; ++i) Put(i);
  EXPECT_THAT(List(), ::testing::ElementsAre(2, 3));
}

TEST_F(KvSnapshotHandlersTest, WithoutRemoteStorageThereAreNone) {
  Start();
  keyed_ = CreateTable("keyed", KeyTable());
  Put(1);
  const auto latest = Latest();
  ASSERT_TRUE(latest.ok()) << latest.status();
  ASSERT_EQ(latest->latest_snapshots_size(), 1);
  EXPECT_FALSE(latest->latest_snapshots(0).has_snapshot_id());
  EXPECT_THAT(List(), ::testing::IsEmpty());
  EXPECT_EQ(CodeOf(Metadata(0).status()), ErrorCode::kKvSnapshotNotExist);
  const auto lease = Acquire("reader", 0);
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_EQ(lease->unavailable_snapshots_size(), 1);
  EXPECT_TRUE(Drop("reader").ok());
}

}  // namespace
}  // namespace thalweg::service
