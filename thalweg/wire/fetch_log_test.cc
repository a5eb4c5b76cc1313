#include "thalweg/wire/fetch_log.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "proto/fluss.pb.h"
#include "thalweg/wire/frame.h"

namespace thalweg::wire {
namespace {

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

void FillPredicate(std::mt19937_64& random, int depth, pb::PbPredicate* to) {
  if (depth == 0 || random() % 2) {
    to->set_type(0);
    to->mutable_leaf()->set_function(static_cast<int32_t>(random() % 13));
    to->mutable_leaf()->set_field_id(static_cast<int32_t>(random() % 9));
    auto* literal = to->mutable_leaf()->add_literals();
    literal->set_literal_type(4);
    literal->set_is_null(false);
    literal->set_bigint_value(AnyNumber(random));
    return;
  }
  to->set_type(1);
  to->mutable_compound()->set_function(static_cast<int32_t>(random() % 2));
  for (int i = 0; i < 2; ++i) FillPredicate(random, depth - 1, to->mutable_compound()->add_children());
}

pb::FetchLogRequest AnyRequest(std::mt19937_64& random) {
  pb::FetchLogRequest request;
  request.set_follower_server_id(-1);
  request.set_max_bytes(static_cast<int32_t>(AnyNumber(random)));
  for (size_t n = random() % 3; n > 0; --n) {
    auto* table = request.add_tables_req();
    table->set_table_id(AnyNumber(random));
    table->set_projection_pushdown_enabled(random() % 2);
    for (size_t i = random() % 5; i > 0; --i) table->add_projected_fields(static_cast<int32_t>(AnyNumber(random)));
    for (size_t i = random() % 5; i > 0; --i) {
      auto* bucket = table->add_buckets_req();
      if (random() % 2) bucket->set_partition_id(AnyNumber(random));
      bucket->set_bucket_id(static_cast<int32_t>(random() % 4096));
      bucket->set_fetch_offset(AnyNumber(random));
      bucket->set_max_fetch_bytes(static_cast<int32_t>(AnyNumber(random)));
    }
    if (random() % 3 == 0) {
      FillPredicate(random, 3, table->mutable_filter_predicate());
      table->set_filter_schema_id(static_cast<int32_t>(random() % 9));
    }
  }
  if (random() % 2) request.set_max_wait_ms(static_cast<int32_t>(AnyNumber(random)));
  if (random() % 2) request.set_min_bytes(static_cast<int32_t>(AnyNumber(random)));
  if (random() % 2) request.set_read_preference(1);
  return request;
}

// The same message by way of protobuf, so that one comparison covers every field.
pb::FetchLogRequest ToPb(const FetchLogRequest& from) {
  pb::FetchLogRequest to;
  to.set_follower_server_id(from.follower_server_id);
  to.set_max_bytes(from.max_bytes);
  for (const auto& t : from.tables) {
    auto* table = to.add_tables_req();
    table->set_table_id(t.table.value);
    table->set_projection_pushdown_enabled(t.projection_pushdown_enabled);
    for (const int32_t field : t.projected_fields) table->add_projected_fields(field);
    for (const auto& b : t.buckets) {
      auto* bucket = table->add_buckets_req();
      if (b.partition != kNoPartition) bucket->set_partition_id(b.partition.value);
      bucket->set_bucket_id(b.bucket.value);
      bucket->set_fetch_offset(b.fetch_offset.value);
      bucket->set_max_fetch_bytes(b.max_fetch_bytes);
    }
    if (t.filter) *table->mutable_filter_predicate() = *t.filter;
    if (t.filter_schema_id) table->set_filter_schema_id(*t.filter_schema_id);
  }
  if (from.max_wait_ms) to.set_max_wait_ms(*from.max_wait_ms);
  if (from.min_bytes) to.set_min_bytes(*from.min_bytes);
  if (from.read_preference) to.set_read_preference(*from.read_preference);
  return to;
}

// Partition -1 means none to us; protobuf tells the two apart.
void DropAbsentPartitions(pb::FetchLogRequest* request) {
  for (auto& table : *request->mutable_tables_req()) {
    for (auto& bucket : *table.mutable_buckets_req()) {
      if (bucket.partition_id() == -1) bucket.clear_partition_id();
    }
  }
}

TEST(FetchLogRequest, DecodesWhatProtobufEncodes) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 500; ++round) {
    pb::FetchLogRequest request = AnyRequest(random);
    DropAbsentPartitions(&request);
    const std::string body = request.SerializeAsString();
    const auto decoded = DecodeFetchLogRequest(AsBytes(body));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    ASSERT_EQ(ToPb(*decoded).SerializeAsString(), body);
  }
}

TEST(FetchLogRequest, AgreesWithProtobufOnEveryCut) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 40; ++round) {
    pb::FetchLogRequest request = AnyRequest(random);
    DropAbsentPartitions(&request);
    const std::string body = request.SerializeAsString();
    for (size_t n = 0; n <= body.size(); ++n) {
      const std::string cut = body.substr(0, n);
      pb::FetchLogRequest expected;
      const bool parses = expected.ParsePartialFromString(cut) && expected.IsInitialized();
      const auto decoded = DecodeFetchLogRequest(AsBytes(cut));
      ASSERT_EQ(decoded.ok(), parses) << "round " << round << ", cut at " << n;
      if (parses) ASSERT_EQ(ToPb(*decoded).SerializeAsString(), expected.SerializeAsString());
    }
  }
}

TEST(FetchLogRequest, SurvivesFlippedBytes) {
  std::mt19937_64 random(3);
  int decoded_count = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string body = AnyRequest(random).SerializeAsString();
    body[random() % body.size()] = static_cast<char>(random());
    const auto decoded = DecodeFetchLogRequest(AsBytes(body));
    if (!decoded.ok()) continue;
    ++decoded_count;
    pb::FetchLogRequest expected;
    ASSERT_TRUE(expected.ParseFromString(body));
  }
  EXPECT_GT(decoded_count, 100);
}

TEST(FetchLogRequest, TakesUnpackedNumbersAndPredicatesInParts) {
  pb::FetchLogRequest request;
  request.set_follower_server_id(-1);
  request.set_max_bytes(1);
  std::string table("\x08\x05\x10\x01\x18\x02\x18\x04", 8);     // id 5, projection on, fields 2 and 4 unpacked
  table += std::string("\x2A\x02\x08\x00", 4);                  // predicate: type 0
  table += std::string("\x2A\x06\x12\x04\x08\x03\x10\x07", 8);  // the same predicate: its leaf
  std::string body = request.SerializeAsString();
  body += std::string("\x1A") + static_cast<char>(table.size()) + table;
  const auto decoded = DecodeFetchLogRequest(AsBytes(body));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->tables[0].projected_fields, (std::vector<int32_t>{2, 4}));
  EXPECT_EQ(decoded->tables[0].filter->leaf().field_id(), 7);
}

TEST(FetchLogRequest, RefusesEndlessPredicates) {
  std::string predicate("\x08\x00", 2);
  for (int depth = 0; depth < 300; ++depth) {
    pb::PbCompoundPredicate compound;
    compound.set_function(0);
    std::string children = compound.SerializeAsString();
    pb::PbValue frame;  // any message with bytes in field 1 gives the length prefix
    frame.set_values(predicate);
    std::string nested = frame.SerializeAsString();
    nested[0] = 0x12;  // as field 2: children
    frame.set_values(children + nested);
    std::string outer = frame.SerializeAsString();
    outer[0] = 0x1A;  // as field 3: compound
    predicate = std::string("\x08\x01", 2) + outer;
  }
  pb::FetchLogRequest request;
  request.set_follower_server_id(-1);
  request.set_max_bytes(1);
  pb::PbValue field;
  field.set_values(predicate);
  std::string table = std::string("\x08\x05\x10\x00", 4) + field.SerializeAsString();
  table[4] = 0x2A;
  field.set_values(table);
  std::string tables = field.SerializeAsString();
  tables[0] = 0x1A;
  EXPECT_FALSE(DecodeFetchLogRequest(AsBytes(request.SerializeAsString() + tables)).ok());
}

std::string Assemble(const FetchLogResponse& response, const pb::FetchLogResponse& records) {
  std::string frame;
  for (const auto& piece : response.pieces) {
    frame += AsText(piece.header);
    if (piece.records_bytes == 0) continue;
    frame += records.tables_resp(static_cast<int>(piece.table_index))
                 .buckets_resp(static_cast<int>(piece.bucket_index))
                 .records();
  }
  return frame;
}

void FillRemote(std::mt19937_64& random, RemoteLogFetchInfo* to, pb::PbRemoteLogFetchInfo* expected) {
  to->tablet_dir = "file:///remote/log/a/b-1/0";
  expected->set_remote_log_tablet_dir(to->tablet_dir);
  if (random() % 2) {
    to->partition_name = "2026";
    expected->set_partition_name("2026");
  }
  for (size_t n = random() % 3; n > 0; --n) {
    auto& s = to->segments.emplace_back();
    auto* e = expected->add_remote_log_segments();
    s = {.id = "5b6f8d8e", .start_offset = LogOffset(7), .end_offset = LogOffset(AnyNumber(random)), .size_bytes = 9};
    e->set_remote_log_segment_id(s.id);
    e->set_remote_log_start_offset(7);
    e->set_remote_log_end_offset(s.end_offset.value);
    e->set_segment_size_in_bytes(9);
    if (random() % 2) {
      s.max_timestamp_ms = AnyNumber(random);
      e->set_max_timestamp(*s.max_timestamp_ms);
    }
  }
  if (random() % 2) {
    to->first_start_pos = 17;
    expected->set_first_start_pos(17);
  }
}

void FillResult(std::mt19937_64& random, FetchLogBucketResult* to, pb::PbFetchLogRespForBucket* expected) {
  to->bucket = BucketId(static_cast<int32_t>(random() % 4096));
  expected->set_bucket_id(to->bucket.value);
  if (random() % 2) {
    to->partition = PartitionId(static_cast<int64_t>(random() >> 1));
    expected->set_partition_id(to->partition.value);
  }
  if (random() % 4 == 0) {
    to->error = ErrorCode::kLogOffsetOutOfRange;
    to->error_message = std::string(random() % 300, 'e');
    expected->set_error_code(19);
    expected->set_error_message(to->error_message);
    return;
  }
  to->high_watermark = LogOffset(AnyNumber(random));
  expected->set_high_watermark(to->high_watermark->value);
  to->log_start_offset = LogOffset(0);
  expected->set_log_start_offset(0);
  if (random() % 4 == 0) {
    FillRemote(random, &to->remote.emplace(), expected->mutable_remote_log_fetch_info());
    return;
  }
  expected->set_records(std::string(random() % 3 == 0 ? 0 : random() % 20000, static_cast<char>(random())));
  to->records_bytes = expected->records().size();
  if (random() % 2) {
    to->filtered_end_offset = LogOffset(AnyNumber(random));
    expected->set_filtered_end_offset(to->filtered_end_offset->value);
  }
}

TEST(FetchLogResponse, EncodesWhatProtobufEncodes) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 500; ++round) {
    std::vector<FetchLogTableResult> tables(random() % 4);
    pb::FetchLogResponse expected;
    for (auto& table : tables) {
      auto* e = expected.add_tables_resp();
      table.table = TableId(AnyNumber(random));
      e->set_table_id(table.table.value);
      for (size_t n = random() % 5; n > 0; --n)
        FillResult(random, &table.buckets.emplace_back(), e->add_buckets_resp());
    }
    const auto response = EncodeFetchLogResponse(round, tables);
    ASSERT_TRUE(response.ok()) << response.status();
    const Bytes expected_frame = EncodeResponse(round, expected);
    ASSERT_EQ(Assemble(*response, expected), AsText(expected_frame.view()));
    ASSERT_EQ(response->frame_bytes, expected_frame.size());
    for (size_t i = 0; i + 1 < response->pieces.size(); ++i) ASSERT_GT(response->pieces[i].records_bytes, 0u);
  }
}

TEST(FetchLogResponse, RefusesFramesBeyondTheLengthField) {
  FetchLogTableResult table{.table = TableId(1)};
  for (int i = 0; i < 2; ++i) {
    table.buckets.push_back({.bucket = BucketId(i), .records_bytes = 1u << 30});
  }
  EXPECT_EQ(CodeOf(EncodeFetchLogResponse(1, {&table, 1}).status()), ErrorCode::kRecordTooLarge);
}

}  // namespace
}  // namespace thalweg::wire
