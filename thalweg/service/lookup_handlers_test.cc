// What the answers of LOOKUP and PREFIX_LOOKUP take of the memory for answers.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "thalweg/format/key_encoder.h"
#include "thalweg/format/kv_batch.h"
#include "thalweg/format/row_format.h"
#include "thalweg/service/test_tables_internal.h"

namespace thalweg::service {
namespace {

using wire::ApiKey;

constexpr size_t kLarge = 500'000;

class LookupMemoryTest : public ServiceTest {
 protected:
  void SetUp() override {
    Start();
    table_ = CreateTable("keyed", KeyTable());
  }
  static std::string Key(int64_t id) {
    const auto type = schema::NotNull(schema::MakeType(schema::TypeKind::kBigInt));
    return std::string(
        AsText(format::EncodeKey(format::KeyFormat::kCompacted, {{format::Datum{id}}}, {{type}}).ValueOrDie()));
  }
  void Put(int64_t id, const std::string& name) {
    const std::vector<format::Datum> values = {{id}, {name}};
    const std::vector<schema::DataType> types = {schema::NotNull(schema::MakeType(schema::TypeKind::kBigInt)),
                                                 schema::MakeType(schema::TypeKind::kString)};
    const auto row = format::EncodeRow(format::RowFormat::kCompacted, values, types).ValueOrDie();
    format::KvBatchBuilder batch;
    batch.Append(AsBytes(Key(id)), std::optional<ByteView>(row));
    pb::PutKvRequest request;
    request.set_acks(-1);
    request.set_table_id(table_);
    request.set_timeout_ms(10'000);
    auto* bucket = request.add_buckets_req();
    bucket->set_bucket_id(0);
    bucket->set_records(std::string(AsText(batch.Finish(SchemaId(1), kNoWriter, -1))));
    const auto answer = client_->Call<pb::PutKvResponse>(ApiKey::kPutKv, request);
    ASSERT_TRUE(answer.ok() && !answer->buckets_resp(0).has_error_code()) << answer.status();
  }
  template <typename Request>
  Request Of(const std::vector<std::string>& keys) const {
    Request request;
    request.set_table_id(table_);
    auto* bucket = request.add_buckets_req();
    bucket->set_bucket_id(0);
    for (const auto& key : keys) bucket->add_keys(key);
    return request;
  }
  arrow::Result<pb::LookupResponse> LookUp(const std::vector<std::string>& keys) {
    return client_->Call<pb::LookupResponse>(ApiKey::kLookup, Of<pb::LookupRequest>(keys));
  }
  arrow::Result<pb::PrefixLookupResponse> LookUpPrefixes(const std::vector<std::string>& prefixes) {
    return client_->Call<pb::PrefixLookupResponse>(ApiKey::kPrefixLookup, Of<pb::PrefixLookupRequest>(prefixes));
  }
  runtime::ByteBudget& answers() { return server_->server->answers(); }

  int64_t table_ = 0;
};

TEST_F(LookupMemoryTest, RowsThatAreLargerThanExpectedComeAllTheSame) {
  for (int64_t id = 0; id < 3; ++id) Put(id, std::string(kLarge, static_cast<char>('a' + id)));
  const auto found = LookUp({Key(0), Key(9), Key(1), Key(2), Key(0)});
  ASSERT_TRUE(found.ok()) << found.status();
  const auto& values = found->buckets_resp(0);
  EXPECT_FALSE(values.has_error_code()) << values.error_message();
  ASSERT_EQ(values.values_size(), 5);
  EXPECT_FALSE(values.values(1).has_values());
  for (const int i : {0, 2, 3, 4}) EXPECT_GT(values.values(i).values().size(), kLarge) << i;
  EXPECT_EQ(values.values(3).values().back(), 'c');

  const auto listed = LookUpPrefixes({"", Key(1)});
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_EQ(listed->buckets_resp(0).value_lists_size(), 2);
  EXPECT_EQ(listed->buckets_resp(0).value_lists(0).values_size(), 3);
  EXPECT_EQ(listed->buckets_resp(0).value_lists(1).values_size(), 1);
  EXPECT_EQ(answers().used(), 0);
}

TEST_F(LookupMemoryTest, AnAnswerHasNoMoreThanALimit) {
  Put(1, std::string(kLarge, 'a'));
  const auto most = LookUp(std::vector<std::string>(130, Key(1)));
  ASSERT_TRUE(most.ok()) << most.status();
  EXPECT_EQ(most->buckets_resp(0).values_size(), 130);
  const auto refused = LookUp(std::vector<std::string>(140, Key(1)));
  ASSERT_TRUE(refused.ok()) << refused.status();
  EXPECT_EQ(CodeIn(refused->buckets_resp(0)), ErrorCode::kRecordTooLarge);
  EXPECT_EQ(refused->buckets_resp(0).values_size(), 0);

  const auto prefixes = LookUpPrefixes(std::vector<std::string>(40, Key(1)));
  ASSERT_TRUE(prefixes.ok()) << prefixes.status();
  EXPECT_EQ(CodeIn(prefixes->buckets_resp(0)), ErrorCode::kRecordTooLarge);
  EXPECT_EQ(prefixes->buckets_resp(0).value_lists_size(), 0);
  EXPECT_EQ(answers().used(), 0);
}

TEST_F(LookupMemoryTest, AnAnswerHoldsItsSizeUntilItIsSent) {
  Put(1, std::string(kLarge, 'a'));
  const std::vector<std::string> keys(8, Key(1));
  std::vector<std::unique_ptr<net::Stream>> stuck;  // clients that do not read
  const auto ask = [&](ApiKey key, const auto& request) {
    const int64_t before = answers().used();
    auto stream = server_->sim.Await(server_->network.Connect(server_->client_home, {"", 9123})).ValueOrDie();
    std::vector<net::Fragment> frame;
    frame.emplace_back(wire::EncodeRequest(key, 0, 1, request));
    EXPECT_TRUE(server_->sim.Await(stream->Write(std::move(frame))).ok());
    stuck.push_back(std::move(stream));
    server_->sim.RunFor(std::chrono::milliseconds(10));
    return answers().used() - before;
  };
  for (const int64_t held : {ask(ApiKey::kLookup, Of<pb::LookupRequest>(keys)),
                             ask(ApiKey::kPrefixLookup, Of<pb::PrefixLookupRequest>(keys))}) {
    EXPECT_GE(held, static_cast<int64_t>(8 * kLarge));
    EXPECT_LT(held, static_cast<int64_t>(9 * kLarge));
  }
}

TEST_F(LookupMemoryTest, ThoseOfOrdinaryRowsNeedLittleOfIt) {
  Put(1, "a");
  const int64_t taken = answers().limit() - (1 << 20);
  ASSERT_TRUE(answers().TryAcquire(taken));
  const int64_t began_ns = server_->clock.MonotonicNs();
  const auto found = LookUp({Key(1), Key(2)});
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_TRUE(found->buckets_resp(0).values(0).has_values());
  const auto listed = LookUpPrefixes({Key(1)});
  ASSERT_TRUE(listed.ok()) << listed.status();
  EXPECT_EQ(listed->buckets_resp(0).value_lists(0).values_size(), 1);
  EXPECT_LT(server_->clock.MonotonicNs() - began_ns, 1'000'000'000) << "they waited for others";
  answers().Release(taken);
}

TEST_F(LookupMemoryTest, TheyWaitWhileOthersHoldAllOfIt) {
  Put(1, "a");
  ASSERT_TRUE(answers().TryAcquire(answers().limit()));
  EXPECT_EQ(CodeOf(LookUp({Key(1)}).status()), ErrorCode::kRequestTimeOut);
  EXPECT_EQ(CodeOf(LookUpPrefixes({Key(1)}).status()), ErrorCode::kRequestTimeOut);
  const int32_t id = client_->Send(ApiKey::kLookup, Of<pb::LookupRequest>({Key(1)}));
  server_->sim.RunFor(std::chrono::seconds(1));
  EXPECT_FALSE(client_->Has(id));
  answers().Release(answers().limit());
  const auto found = client_->Receive<pb::LookupResponse>(id);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_TRUE(found->buckets_resp(0).values(0).has_values());
}

}  // namespace
}  // namespace thalweg::service
