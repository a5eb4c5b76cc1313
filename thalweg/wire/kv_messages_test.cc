// PUT_KV, LOOKUP, PREFIX_LOOKUP and SCAN_KV, held against protobuf's own reading and writing.

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "proto/fluss.pb.h"
#include "thalweg/wire/frame.h"
#include "thalweg/wire/lookup.h"
#include "thalweg/wire/put_kv.h"
#include "thalweg/wire/scan_kv.h"

namespace thalweg::wire {
namespace {

std::string AnyText(std::mt19937_64& random, size_t size_max) {
  std::string text(random() % (size_max + 1), '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

pb::PutKvRequest AnyPut(std::mt19937_64& random) {
  pb::PutKvRequest request;
  request.set_acks(static_cast<int32_t>(random() % 5) - 2);
  request.set_table_id(static_cast<int64_t>(random()));
  request.set_timeout_ms(static_cast<int32_t>(random()));
  for (size_t n = random() % 4; n > 0; --n) request.add_target_columns(static_cast<int32_t>(random() % 300));
  if (random() % 2) request.set_agg_mode(static_cast<int32_t>(random() % 3));
  for (size_t n = random() % 4; n > 0; --n) {
    auto* bucket = request.add_buckets_req();
    if (random() % 2) bucket->set_partition_id(static_cast<int64_t>(random() % 9));
    bucket->set_bucket_id(static_cast<int32_t>(random() % 9));
    bucket->set_records(AnyText(random, 300));
  }
  return request;
}

pb::LookupRequest AnyLookup(std::mt19937_64& random) {
  pb::LookupRequest request;
  request.set_table_id(static_cast<int64_t>(random()));
  if (random() % 2) request.set_insert_if_not_exists(random() % 2 != 0);
  if (random() % 2) request.set_acks(-1);
  for (size_t n = random() % 4; n > 0; --n) {
    auto* bucket = request.add_buckets_req();
    if (random() % 2) bucket->set_partition_id(static_cast<int64_t>(random() % 9));
    bucket->set_bucket_id(static_cast<int32_t>(random() % 9));
    for (size_t k = random() % 4; k > 0; --k) bucket->add_keys(AnyText(random, 20));
    if (random() % 3 == 0) bucket->set_original_partition_name("p");
  }
  return request;
}

pb::ScanKvRequest AnyScan(std::mt19937_64& random) {
  pb::ScanKvRequest request;
  if (random() % 2) request.set_scanner_id(AnyText(random, 40));
  if (random() % 2) {
    auto* bucket = request.mutable_bucket_scan_req();
    bucket->set_table_id(static_cast<int64_t>(random()));
    if (random() % 2) bucket->set_partition_id(static_cast<int64_t>(random() % 9));
    bucket->set_bucket_id(static_cast<int32_t>(random() % 9));
    if (random() % 2) bucket->set_limit(static_cast<int64_t>(random() % 9) - 4);
  }
  if (random() % 2) request.set_call_seq_id(static_cast<int32_t>(random()));
  if (random() % 2) request.set_batch_size_bytes(static_cast<int32_t>(random()));
  if (random() % 2) request.set_close_scanner(random() % 2 != 0);
  return request;
}

TEST(PutKv, DecodesWhatProtobufEncodes) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 300; ++round) {
    const auto request = AnyPut(random);
    const std::string body = request.SerializeAsString();
    const auto decoded = DecodePutKvRequest(AsBytes(body));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(decoded->acks, request.acks());
    EXPECT_EQ(decoded->table.value, request.table_id());
    EXPECT_EQ(decoded->timeout_ms, request.timeout_ms());
    EXPECT_EQ(decoded->agg_mode, request.agg_mode());
    EXPECT_EQ(decoded->target_columns,
              std::vector<int32_t>(request.target_columns().begin(), request.target_columns().end()));
    ASSERT_EQ(decoded->buckets.size(), static_cast<size_t>(request.buckets_req_size()));
    for (size_t i = 0; i < decoded->buckets.size(); ++i) {
      const auto& bucket = request.buckets_req(static_cast<int>(i));
      EXPECT_EQ(decoded->buckets[i].partition.value, bucket.has_partition_id() ? bucket.partition_id() : -1);
      EXPECT_EQ(decoded->buckets[i].bucket.value, bucket.bucket_id());
      EXPECT_EQ(AsText(decoded->buckets[i].records), bucket.records());
    }
  }
}

TEST(PutKv, AgreesWithProtobufOnEveryCut) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 30; ++round) {
    const std::string body = AnyPut(random).SerializeAsString();
    for (size_t n = 0; n <= body.size(); ++n) {
      const std::string cut = body.substr(0, n);
      pb::PutKvRequest expected;
      const bool parses = expected.ParsePartialFromString(cut) && expected.IsInitialized();
      EXPECT_EQ(DecodePutKvRequest(AsBytes(cut)).ok(), parses) << n;
    }
  }
}

TEST(PutKv, ProtobufReadsWhatIsEncoded) {
  const std::vector<PutKvResult> results = {
      {.bucket = BucketId(3), .log_end_offset = LogOffset(77)},
      {.partition = PartitionId(5), .bucket = BucketId(0), .error = ErrorCode::kKvStorage, .error_message = "why"}};
  const Bytes frame = EncodePutKvResponse(9, results);
  pb::PutKvResponse response;
  ASSERT_TRUE(response.ParseFromString(std::string(AsText(frame.view().subspan(kResponseHeadBytes)))));
  ASSERT_EQ(response.buckets_resp_size(), 2);
  EXPECT_EQ(response.buckets_resp(0).log_end_offset(), 77);
  EXPECT_FALSE(response.buckets_resp(0).has_error_code());
  EXPECT_EQ(response.buckets_resp(1).partition_id(), 5);
  EXPECT_EQ(response.buckets_resp(1).error_code(), 11);
  EXPECT_FALSE(response.buckets_resp(1).has_log_end_offset());
}

TEST(Lookup, DecodesWhatProtobufEncodesWhole) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 300; ++round) {
    const auto request = AnyLookup(random);
    const std::string body = request.SerializeAsString();
    const auto decoded = DecodeLookupRequest(AsBytes(body));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(decoded->table.value, request.table_id());
    EXPECT_EQ(decoded->insert_if_not_exists, request.insert_if_not_exists());
    EXPECT_EQ(decoded->acks.has_value(), request.has_acks());
    ASSERT_EQ(decoded->buckets.size(), static_cast<size_t>(request.buckets_req_size()));
    for (size_t i = 0; i < decoded->buckets.size(); ++i) {
      const auto& bucket = request.buckets_req(static_cast<int>(i));
      ASSERT_EQ(decoded->buckets[i].keys.size(), static_cast<size_t>(bucket.keys_size()));
      for (int k = 0; k < bucket.keys_size(); ++k) {
        EXPECT_EQ(AsText(decoded->buckets[i].keys[static_cast<size_t>(k)]), bucket.keys(k));
      }
      EXPECT_EQ(decoded->buckets[i].original_partition_name.has_value(), bucket.has_original_partition_name());
    }
    for (size_t n = 0; n <= body.size(); n += 1 + round % 7) {
      pb::LookupRequest expected;
      const bool parses = expected.ParsePartialFromString(body.substr(0, n)) && expected.IsInitialized();
      EXPECT_EQ(DecodeLookupRequest(AsBytes(body).first(n)).ok(), parses) << n;
    }
  }
}

TEST(Lookup, RefusesMoreKeysThanItMayKeep) {
  pb::LookupRequest request;
  request.set_table_id(1);
  for (int i = 0; i < 2; ++i) {
    auto* bucket = request.add_buckets_req();
    bucket->set_bucket_id(i);
    for (size_t k = 0; k < kLookupKeysMax / 2; ++k) bucket->add_keys("");
  }
  EXPECT_TRUE(DecodeLookupRequest(AsBytes(request.SerializeAsString())).ok());
  request.mutable_buckets_req(1)->add_keys("");
  EXPECT_EQ(CodeOf(DecodeLookupRequest(AsBytes(request.SerializeAsString())).status()), ErrorCode::kRecordTooLarge);
}

TEST(Lookup, RefusesMoreBucketsThanItMayKeep) {
  pb::LookupRequest request;
  request.set_table_id(1);
  for (size_t i = 0; i < kLookupBucketsMax; ++i) request.add_buckets_req()->set_bucket_id(0);
  EXPECT_TRUE(DecodeLookupRequest(AsBytes(request.SerializeAsString())).ok());
  request.add_buckets_req()->set_bucket_id(0);
  EXPECT_EQ(CodeOf(DecodeLookupRequest(AsBytes(request.SerializeAsString())).status()), ErrorCode::kRecordTooLarge);
}

TEST(PutKv, RefusesMoreBucketsThanItMayKeep) {
  pb::PutKvRequest request;
  request.set_acks(1);
  request.set_table_id(1);
  request.set_timeout_ms(1);
  for (size_t i = 0; i <= kPutBucketsMax; ++i) {
    auto* bucket = request.add_buckets_req();
    bucket->set_bucket_id(0);
    bucket->set_records("");
  }
  EXPECT_EQ(CodeOf(DecodePutKvRequest(AsBytes(request.SerializeAsString())).status()), ErrorCode::kRecordTooLarge);
}

TEST(Lookup, ProtobufReadsWhatIsEncoded) {
  const std::vector<LookupResult> results = {
      {.bucket = BucketId(1), .values = {AsBytes("row"), std::nullopt, AsBytes("")}, .original_partition_name = "p"},
      {.bucket = BucketId(2), .error = ErrorCode::kNonPrimaryKeyTable, .error_message = "no"}};
  const Bytes frame = EncodeLookupResponse(1, results);
  pb::LookupResponse response;
  ASSERT_TRUE(response.ParseFromString(std::string(AsText(frame.view().subspan(kResponseHeadBytes)))));
  ASSERT_EQ(response.buckets_resp_size(), 2);
  const auto& first = response.buckets_resp(0);
  ASSERT_EQ(first.values_size(), 3);
  EXPECT_EQ(first.values(0).values(), "row");
  EXPECT_FALSE(first.values(1).has_values());
  EXPECT_TRUE(first.values(2).has_values());
  EXPECT_EQ(first.original_partition_name(), "p");
  EXPECT_EQ(response.buckets_resp(1).error_code(), 20);
}

TEST(PrefixLookup, ProtobufReadsWhatIsEncoded) {
  const std::vector<PrefixLookupResult> results = {
      {.bucket = BucketId(1), .value_lists = {{AsBytes("a"), AsBytes("b")}, {}}}};
  const Bytes frame = EncodePrefixLookupResponse(1, results);
  pb::PrefixLookupResponse response;
  ASSERT_TRUE(response.ParseFromString(std::string(AsText(frame.view().subspan(kResponseHeadBytes)))));
  ASSERT_EQ(response.buckets_resp(0).value_lists_size(), 2);
  EXPECT_EQ(response.buckets_resp(0).value_lists(0).values(1), "b");
  EXPECT_EQ(response.buckets_resp(0).value_lists(1).values_size(), 0);
}

TEST(ScanKv, DecodesWhatProtobufEncodes) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 300; ++round) {
    const auto request = AnyScan(random);
    const std::string body = request.SerializeAsString();
    const auto decoded = DecodeScanKvRequest(AsBytes(body));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(decoded->scanner_id.has_value(), request.has_scanner_id());
    EXPECT_EQ(decoded->scanner_id.value_or(""), request.scanner_id());
    EXPECT_EQ(decoded->call_sequence.has_value(), request.has_call_seq_id());
    EXPECT_EQ(decoded->call_sequence.value_or(0), request.call_seq_id());
    EXPECT_EQ(decoded->batch_bytes.has_value(), request.has_batch_size_bytes());
    EXPECT_EQ(decoded->batch_bytes.value_or(0), request.batch_size_bytes());
    EXPECT_EQ(decoded->close, request.close_scanner());
    ASSERT_EQ(decoded->open.has_value(), request.has_bucket_scan_req());
    if (!decoded->open) continue;
    const auto& bucket = request.bucket_scan_req();
    EXPECT_EQ(decoded->open->table.value, bucket.table_id());
    EXPECT_EQ(decoded->open->partition.value, bucket.has_partition_id() ? bucket.partition_id() : -1);
    EXPECT_EQ(decoded->open->bucket.value, bucket.bucket_id());
    EXPECT_EQ(decoded->open->limit.has_value(), bucket.has_limit());
    EXPECT_EQ(decoded->open->limit.value_or(0), bucket.limit());
  }
}

TEST(ScanKv, AgreesWithProtobufOnEveryCut) {
  std::mt19937_64 random(6);
  for (int round = 0; round < 30; ++round) {
    const std::string body = AnyScan(random).SerializeAsString();
    for (size_t n = 0; n <= body.size(); ++n) {
      const std::string cut = body.substr(0, n);
      pb::ScanKvRequest expected;
      const bool parses = expected.ParsePartialFromString(cut) && expected.IsInitialized();
      EXPECT_EQ(DecodeScanKvRequest(AsBytes(cut)).ok(), parses) << n;
    }
  }
}

TEST(ScanKv, ProtobufReadsWhatIsEncoded) {
  const auto read = [](const ScanKvResult& result) {
    const Bytes frame = EncodeScanKvResponse(9, result);
    pb::ScanKvResponse response;
    EXPECT_TRUE(response.ParseFromString(std::string(AsText(frame.view().subspan(kResponseHeadBytes)))));
    return response;
  };
  const std::string rows(300, 'r');
  const auto first = read({.scanner_id = "ab", .has_more = true, .records = AsBytes(rows), .offset = LogOffset(5)});
  EXPECT_EQ(first.scanner_id(), "ab");
  EXPECT_TRUE(first.has_more_results());
  EXPECT_EQ(first.records(), rows);
  EXPECT_EQ(first.log_offset(), 5);
  EXPECT_FALSE(first.has_error_code());

  const auto empty = read({.offset = LogOffset(0)});
  EXPECT_TRUE(empty.has_has_more_results() && !empty.has_more_results());
  EXPECT_TRUE(empty.has_log_offset());
  EXPECT_FALSE(empty.has_scanner_id() || empty.has_records());

  const auto refused = read({.error = ErrorCode::kUnknownScannerId, .error_message = "why", .scanner_id = "ab"});
  EXPECT_EQ(refused.error_code(), 67);
  EXPECT_EQ(refused.error_message(), "why");
  EXPECT_FALSE(refused.has_scanner_id() || refused.has_has_more_results());
}

}  // namespace
}  // namespace thalweg::wire
