#include "thalweg/wire/produce_log.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "proto/fluss.pb.h"
#include "thalweg/wire/frame.h"

namespace thalweg::wire {
namespace {

// Plain numbers, edges and both signs, in equal parts.
int64_t AnyNumber(std::mt19937_64& random) {
  switch (random() % 4) {
    case 0:
      return static_cast<int64_t>(random() % 200);
    case 1:
      return -static_cast<int64_t>(random() % 200);
    case 2:
      return static_cast<int64_t>(random());
    default:
      return (random() & 1) != 0 ? INT64_MAX : INT64_MIN;
  }
}

std::string AnyText(std::mt19937_64& random, size_t size_max) {
  std::string text(random() % (size_max + 1), '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

pb::ProduceLogRequest AnyRequest(std::mt19937_64& random) {
  pb::ProduceLogRequest request;
  request.set_acks(static_cast<int32_t>(AnyNumber(random)));
  request.set_table_id(AnyNumber(random));
  request.set_timeout_ms(static_cast<int32_t>(AnyNumber(random)));
  for (size_t n = random() % 4; n > 0; --n) {
    auto* bucket = request.add_buckets_req();
    if (random() % 2) bucket->set_partition_id(AnyNumber(random));
    bucket->set_bucket_id(static_cast<int32_t>(AnyNumber(random)));
    bucket->set_records(AnyText(random, 300));
  }
  return request;
}

void ExpectSame(const ProduceLogRequest& decoded, const pb::ProduceLogRequest& expected, ByteView body) {
  EXPECT_EQ(decoded.acks, expected.acks());
  EXPECT_EQ(decoded.table.value, expected.table_id());
  EXPECT_EQ(decoded.timeout_ms, expected.timeout_ms());
  ASSERT_EQ(decoded.buckets.size(), static_cast<size_t>(expected.buckets_req_size()));
  for (size_t i = 0; i < decoded.buckets.size(); ++i) {
    const auto& bucket = expected.buckets_req(static_cast<int>(i));
    EXPECT_EQ(decoded.buckets[i].partition.value, bucket.has_partition_id() ? bucket.partition_id() : -1);
    EXPECT_EQ(decoded.buckets[i].bucket.value, bucket.bucket_id());
    EXPECT_EQ(AsText(body.subspan(decoded.buckets[i].records_offset, decoded.buckets[i].records_bytes)),
              bucket.records());
  }
}

TEST(ProduceLog, DecodesWhatProtobufEncodes) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 500; ++round) {
    const pb::ProduceLogRequest request = AnyRequest(random);
    const std::string body = request.SerializeAsString();
    const auto decoded = DecodeProduceLogRequest(AsBytes(body));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    ExpectSame(*decoded, request, AsBytes(body));
  }
}

TEST(ProduceLog, AgreesWithProtobufOnEveryCut) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 30; ++round) {
    const std::string body = AnyRequest(random).SerializeAsString();
    for (size_t n = 0; n <= body.size(); ++n) {
      const std::string cut = body.substr(0, n);
      pb::ProduceLogRequest expected;
      const bool parses = expected.ParsePartialFromString(cut) && expected.IsInitialized();
      const auto decoded = DecodeProduceLogRequest(AsBytes(cut));
      ASSERT_EQ(decoded.ok(), parses) << "round " << round << ", cut at " << n;
      if (parses) ExpectSame(*decoded, expected, AsBytes(cut));
    }
  }
}

TEST(ProduceLog, SurvivesFlippedBytes) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 3000; ++round) {
    std::string body = AnyRequest(random).SerializeAsString();
    body[random() % body.size()] = static_cast<char>(random());
    const auto decoded = DecodeProduceLogRequest(AsBytes(body));
    pb::ProduceLogRequest expected;
    // Protobuf drops the surplus bits of an overlong varint, we refuse it; in all else both agree.
    if (decoded.ok()) {
      ASSERT_TRUE(expected.ParseFromString(body));
      ExpectSame(*decoded, expected, AsBytes(body));
    }
  }
}

TEST(ProduceLog, SkipsUnknownFieldsAndOtherWireTypes) {
  pb::ProduceLogRequest request;
  request.set_acks(-1);
  request.set_table_id(3);
  request.set_timeout_ms(1000);
  std::string body = request.SerializeAsString();
  body += std::string("\x0A\x01z", 3);             // acks as bytes
  body += std::string("\x9A\x06\x02hi", 5);        // field 99
  body += std::string("\x4B\x08\x01\x4C", 4);      // group 9
  body += std::string("\x25\x01\x02\x03\x04", 5);  // buckets_req as fixed32
  const auto decoded = DecodeProduceLogRequest(AsBytes(body));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->acks, -1);
  EXPECT_TRUE(decoded->buckets.empty());
}

TEST(ProduceLog, EncodesWhatProtobufEncodes) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 500; ++round) {
    std::vector<ProduceLogResult> results(random() % 5);
    pb::ProduceLogResponse expected;
    for (ProduceLogResult& r : results) {
      auto* e = expected.add_buckets_resp();
      r.bucket = BucketId(static_cast<int32_t>(random() % 5000));
      e->set_bucket_id(r.bucket.value);
      if (random() % 2) {
        r.partition = PartitionId(static_cast<int64_t>(random() >> 2));
        e->set_partition_id(r.partition.value);
      }
      if (random() % 3 == 0) {
        r.error = ErrorCode::kUnknownServerError;
        r.error_message = std::string(random() % 200, 'x');
        e->set_error_code(-1);
        e->set_error_message(r.error_message);
      } else {
        r.base_offset = LogOffset(AnyNumber(random));
        e->set_base_offset(r.base_offset->value);
      }
    }
    const Bytes frame = EncodeProduceLogResponse(round, results);
    const Bytes expected_frame = EncodeResponse(round, expected);
    ASSERT_EQ(AsText(frame.view()), AsText(expected_frame.view()));
  }
}

}  // namespace
}  // namespace thalweg::wire
