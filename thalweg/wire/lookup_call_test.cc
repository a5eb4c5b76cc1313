// The client's side of LOOKUP and PREFIX_LOOKUP, held against the server's and against protobuf's.

#include "thalweg/wire/lookup_call.h"

#include <gtest/gtest.h>

#include <string>

#include "proto/fluss.pb.h"
#include "thalweg/wire/frame.h"

namespace thalweg::wire {
namespace {

TEST(LookupCall, TheServerReadsTheRequest) {
  LookupRequest request{.table = TableId(7)};
  request.buckets.push_back({.bucket = BucketId(3), .keys = {AsBytes("a"), AsBytes(""), AsBytes("ccc")}});
  request.buckets.push_back({.partition = PartitionId(0), .bucket = BucketId(0), .keys = {AsBytes("z")}});
  const Bytes frame = EncodeLookupRequest(ApiKey::kPrefixLookup, 12, request);
  const auto head = DecodeRequest(frame.view().subspan(kLengthBytes));
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(head->key, ApiKey::kPrefixLookup);
  EXPECT_EQ(head->id, 12);
  const auto decoded = DecodeLookupRequest(head->body);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->table, TableId(7));
  ASSERT_EQ(decoded->buckets.size(), 2u);
  EXPECT_EQ(decoded->buckets[0].partition, kNoPartition);
  EXPECT_EQ(decoded->buckets[0].bucket, BucketId(3));
  ASSERT_EQ(decoded->buckets[0].keys.size(), 3u);
  EXPECT_EQ(AsText(decoded->buckets[0].keys[2]), "ccc");
  EXPECT_EQ(decoded->buckets[1].partition, PartitionId(0));
}

TEST(LookupCall, ReadsWhatTheServerAnswers) {
  const std::vector<LookupResult> results = {
      {.bucket = BucketId(1), .values = {AsBytes("row"), std::nullopt, AsBytes("")}},
      {.partition = PartitionId(4), .bucket = BucketId(2), .error = ErrorCode::kKvStorage, .error_message = "no"}};
  const Bytes frame = EncodeLookupResponse(1, results);
  const auto decoded = DecodeLookupResponse(frame.view().subspan(kResponseHeadBytes));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  ASSERT_EQ(decoded->size(), 2u);
  ASSERT_EQ((*decoded)[0].values.size(), 3u);
  EXPECT_EQ(AsText(*(*decoded)[0].values[0]), "row");
  EXPECT_FALSE((*decoded)[0].values[1].has_value());
  EXPECT_TRUE((*decoded)[0].values[2].has_value());
  EXPECT_EQ((*decoded)[1].partition, PartitionId(4));
  EXPECT_EQ((*decoded)[1].error, ErrorCode::kKvStorage);
  EXPECT_EQ((*decoded)[1].error_message, "no");
}

TEST(LookupCall, ReadsListsOfPrefixes) {
  const std::vector<PrefixLookupResult> results = {
      {.bucket = BucketId(1), .value_lists = {{AsBytes("a"), AsBytes("b")}, {}}}};
  const Bytes frame = EncodePrefixLookupResponse(1, results);
  const auto decoded = DecodePrefixLookupResponse(frame.view().subspan(kResponseHeadBytes));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  ASSERT_EQ((*decoded)[0].value_lists.size(), 2u);
  EXPECT_EQ(AsText((*decoded)[0].value_lists[0][1]), "b");
  EXPECT_TRUE((*decoded)[0].value_lists[1].empty());
}

TEST(LookupCall, AgreesWithProtobufOnEveryCutOfAnAnswer) {
  const std::vector<LookupResult> results = {
      {.partition = PartitionId(4), .bucket = BucketId(1), .values = {AsBytes("row"), std::nullopt}},
      {.bucket = BucketId(2), .error = ErrorCode::kKvStorage, .error_message = "no"}};
  const Bytes frame = EncodeLookupResponse(1, results);
  const ByteView body = frame.view().subspan(kResponseHeadBytes);
  for (size_t n = 0; n <= body.size(); ++n) {
    pb::LookupResponse expected;
    const bool parses = expected.ParsePartialFromArray(body.data(), static_cast<int>(n)) && expected.IsInitialized();
    EXPECT_EQ(DecodeLookupResponse(body.first(n)).ok(), parses) << n;
  }
}

}  // namespace
}  // namespace thalweg::wire
