#include "thalweg/remote/manifest.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"

namespace thalweg::remote {
namespace {

using ::testing::HasSubstr;

Manifest Sample() {
  return {.names = {.database = "db", .table = "orders", .partition = "2026$eu"},
          .bucket = {TableId(7), PartitionId(12), BucketId(3)},
          .segments = {{.id = "a-1", .start = LogOffset(0), .end = LogOffset(10), .max_timestamp_ms = 5, .bytes = 100},
                       {.id = "b-2",
                        .start = LogOffset(10),
                        .end = LogOffset(25),
                        .max_timestamp_ms = 9,
                        .bytes = 200,
                        .index_bytes = 8,
                        .time_index_bytes = 12,
                        .statistics_bytes = 77}},
          .object = "log/db/orders-7/2026$eu-p12/3/metadata/x.manifest"};
}

TEST(ManifestTest, IsFlussesJson) {
  // Member names and version: RemoteLogManifestJsonSerde of Fluss 0.9.1, which takes them by name and skips others.
  const std::string json = EncodeManifest(Sample());
  EXPECT_THAT(json, HasSubstr(R"("version":1,"database":"db","table":"orders","partition_name":"2026$eu","table_id":7,)"
                              R"("partition_id":12,"bucket_id":3,"remote_log_segments":[{"segment_id":"a-1",)"
                              R"("start_offset":0,"end_offset":10,"max_timestamp":5,"size_in_bytes":100,)"));
}

TEST(ManifestTest, ComesBackAsItWas) {
  const Manifest sample = Sample();
  const Manifest back = DecodeManifest(EncodeManifest(sample)).ValueOrDie();
  EXPECT_EQ(back.names.database, "db");
  EXPECT_EQ(back.names.table, "orders");
  EXPECT_EQ(back.names.partition, "2026$eu");
  EXPECT_EQ(back.bucket, sample.bucket);
  EXPECT_EQ(back.object, sample.object);
  ASSERT_EQ(back.segments.size(), 2u);
  EXPECT_EQ(back.segments[1].id, "b-2");
  EXPECT_EQ(back.segments[1].start, LogOffset(10));
  EXPECT_EQ(back.segments[1].end, LogOffset(25));
  EXPECT_EQ(back.segments[1].max_timestamp_ms, 9);
  EXPECT_EQ(back.segments[1].bytes, 200u);
  EXPECT_EQ(back.segments[1].index_bytes, 8u);
  EXPECT_EQ(back.segments[1].time_index_bytes, 12u);
  EXPECT_EQ(back.segments[1].statistics_bytes, 77u);
  EXPECT_EQ(back.bytes(), 300u);

  Manifest plain = sample;
  plain.names.partition.reset();
  plain.bucket.partition = kNoPartition;
  plain.segments.clear();
  const Manifest plain_back = DecodeManifest(EncodeManifest(plain)).ValueOrDie();
  EXPECT_FALSE(plain_back.names.partition.has_value());
  EXPECT_EQ(plain_back.bucket.partition, kNoPartition);
  EXPECT_TRUE(plain_back.empty());
}

TEST(ManifestTest, ReadsWhatFlussWrites) {
  const auto fluss =
      DecodeManifest(R"({"version":1,"database":"d","table":"t","table_id":1,"bucket_id":0,"remote_log_segments":[)"
                     R"({"segment_id":"s","start_offset":4,"end_offset":9,"max_timestamp":1,"size_in_bytes":50}]})");
  ASSERT_TRUE(fluss.ok()) << fluss.status();
  EXPECT_EQ(fluss->start(), LogOffset(4));
  EXPECT_EQ(fluss->end(), LogOffset(9));
  EXPECT_EQ(fluss->object, "");
}

TEST(ManifestTest, WhatMakesNoSenseIsRefused) {
  Manifest gap = Sample();
  gap.segments[1].start = LogOffset(11);
  Manifest backwards = Sample();
  backwards.segments[0].end = LogOffset(0);
  for (const std::string& text : {std::string("{"), std::string(R"({"version":1})"), std::string("[]"),
                                  EncodeManifest(gap), EncodeManifest(backwards), std::string(R"({"version":2})")}) {
    EXPECT_EQ(CodeOf(DecodeManifest(text).status()), ErrorCode::kStorage) << text;
  }
}

TEST(ManifestTest, FindsTheSegmentOfAnOffset) {
  const Manifest sample = Sample();
  EXPECT_EQ(sample.Find(LogOffset(0)), 0u);
  EXPECT_EQ(sample.Find(LogOffset(9)), 0u);
  EXPECT_EQ(sample.Find(LogOffset(10)), 1u);
  EXPECT_EQ(sample.Find(LogOffset(24)), 1u);
  EXPECT_EQ(sample.Find(LogOffset(25)), 2u);
  EXPECT_EQ(Manifest().Find(LogOffset(0)), 0u);
}

TEST(ManifestTest, LaysOutObjectsAsFlussDoes) {
  const Manifest sample = Sample();
  const std::string folder = TabletFolder(sample.names, sample.bucket);
  EXPECT_EQ(folder, "log/db/orders-7/2026$eu-p12/3");
  EXPECT_EQ(TabletFolder({.database = "db", .table = "t", .partition = {}}, {TableId(1), kNoPartition, BucketId(0)}),
            "log/db/t-1/0");
  EXPECT_EQ(SegmentKey(folder, sample.segments[1], "log"), folder + "/b-2/00000000000000000010.log");
  EXPECT_EQ(ManifestKey(folder, "m"), folder + "/metadata/m.manifest");
}

}  // namespace
}  // namespace thalweg::remote
