#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/format/key_encoder.h"
#include "thalweg/format/kv_batch.h"
#include "thalweg/format/row_format.h"
#include "thalweg/format/value_batch.h"
#include "thalweg/service/test_tables_internal.h"

namespace thalweg::service {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using wire::ApiKey;

const schema::DataType kId = schema::NotNull(schema::MakeType(schema::TypeKind::kBigInt));
const schema::DataType kName = schema::MakeType(schema::TypeKind::kString);

class ScanKvTest : public ServiceTest {
 protected:
  void SetUp() override { StartWith({}); }
  void StartWith(TestServerOptions options) {
    Start(std::move(options));
    table_ = CreateTable("keyed", KeyTable());
  }

  void Put(const std::vector<std::pair<int64_t, std::string>>& rows) {
    format::KvBatchBuilder batch;
    for (const auto& [id, name] : rows) {
      const auto key = format::EncodeKey(format::KeyFormat::kCompacted, {{format::Datum{id}}}, {{kId}}).ValueOrDie();
      const std::vector<format::Datum> values = {{id}, {name}};
      const std::vector<schema::DataType> types = {kId, kName};
      const auto row = format::EncodeRow(format::RowFormat::kCompacted, values, types).ValueOrDie();
      batch.Append(key, std::optional<ByteView>(row));
    }
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

  pb::ScanKvRequest Open(int32_t batch_bytes = 1) const {
    pb::ScanKvRequest request;
    request.mutable_bucket_scan_req()->set_table_id(table_);
    request.mutable_bucket_scan_req()->set_bucket_id(0);
    request.set_call_seq_id(0);
    request.set_batch_size_bytes(batch_bytes);
    return request;
  }
  static pb::ScanKvRequest Next(const std::string& id, int32_t sequence, int32_t batch_bytes = 1) {
    pb::ScanKvRequest request;
    request.set_scanner_id(id);
    request.set_call_seq_id(sequence);
    request.set_batch_size_bytes(batch_bytes);
    return request;
  }
  static pb::ScanKvRequest CloseOf(const std::string& id) {
    pb::ScanKvRequest request;
    request.set_scanner_id(id);
    request.set_close_scanner(true);
    return request;
  }
  pb::ScanKvResponse Scan(const pb::ScanKvRequest& request) {
    const auto answer = client_->Call<pb::ScanKvResponse>(ApiKey::kScanKv, request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? *answer : pb::ScanKvResponse();
  }
  ErrorCode Refused(const pb::ScanKvRequest& request) {
    const auto answer = Scan(request);
    EXPECT_FALSE(answer.has_has_more_results() || answer.has_records() || answer.has_scanner_id());
    EXPECT_NE(answer.error_message(), "");
    return static_cast<ErrorCode>(answer.error_code());
  }
  static std::vector<std::string> NamesIn(const pb::ScanKvResponse& answer) {
    EXPECT_FALSE(answer.has_error_code()) << answer.error_message();
    std::vector<std::string> names;
    if (!answer.has_records()) return names;
    for (const ByteView value : format::ParseValueBatch(AsBytes(answer.records())).ValueOrDie()) {
      const std::vector<schema::DataType> types = {kId, kName};
      const auto stored = format::ParseStoredValue(value).ValueOrDie();
      names.push_back(*(*format::DecodeRow(format::RowFormat::kCompacted, stored.row, types))[1].get_if<std::string>());
    }
    return names;
  }

  int64_t table_ = 0;
};

TEST_F(ScanKvTest, GivesAllRowsBatchByBatch) {
  Put({{3, "c"}, {1, "a"}, {2, "b"}});
  const auto first = Scan(Open());
  EXPECT_THAT(NamesIn(first), ElementsAre("a"));
  EXPECT_TRUE(first.has_more_results());
  EXPECT_EQ(first.scanner_id().size(), 32u);
  EXPECT_EQ(first.log_offset(), 3);
  Put({{0, "z"}, {3, "changed"}});
  const auto second = Scan(Next(first.scanner_id(), 1));
  EXPECT_THAT(NamesIn(second), ElementsAre("b"));
  EXPECT_TRUE(second.has_more_results());
  EXPECT_EQ(second.scanner_id(), first.scanner_id());
  EXPECT_FALSE(second.has_log_offset());
  const auto last = Scan(Next(first.scanner_id(), 2, 10'000));
  EXPECT_THAT(NamesIn(last), ElementsAre("c"));
  EXPECT_TRUE(last.has_has_more_results() && !last.has_more_results());
  EXPECT_EQ(Refused(Next(first.scanner_id(), 3)), ErrorCode::kUnknownScannerId);
}

TEST_F(ScanKvTest, AnEmptyBucketHasNoScan) {
  const auto answer = Scan(Open());
  EXPECT_THAT(NamesIn(answer), IsEmpty());
  EXPECT_TRUE(answer.has_has_more_results() && !answer.has_more_results());
  EXPECT_TRUE(answer.has_log_offset());
  EXPECT_FALSE(answer.has_scanner_id());
}

TEST_F(ScanKvTest, ALimitEndsIt) {
  Put({{1, "a"}, {2, "b"}, {3, "c"}});
  auto request = Open(10'000);
  request.mutable_bucket_scan_req()->set_limit(2);
  const auto answer = Scan(request);
  EXPECT_THAT(NamesIn(answer), ElementsAre("a", "b"));
  EXPECT_FALSE(answer.has_more_results());
  for (const int64_t all : {0, -1}) {
    request.mutable_bucket_scan_req()->set_limit(all);
    EXPECT_THAT(NamesIn(Scan(request)), ElementsAre("a", "b", "c"));
  }
}

TEST_F(ScanKvTest, ARepeatedOrSkippedCallIsRefusedAndEndsTheScan) {
  Put({{1, "a"}, {2, "b"}, {3, "c"}});
  for (const int32_t sequence : {0, 1, 3, -1}) {
    const std::string id = Scan(Open()).scanner_id();
    Scan(Next(id, 1));
    EXPECT_EQ(Refused(Next(id, sequence)), ErrorCode::kInvalidScanRequest) << sequence;
    EXPECT_EQ(Refused(Next(id, 2)), ErrorCode::kUnknownScannerId) << sequence;
  }
}

TEST_F(ScanKvTest, RefusesWhatMakesNoSense) {
  Put({{1, "a"}, {2, "b"}});
  const std::string id = Scan(Open()).scanner_id();
  const auto with = [](pb::ScanKvRequest request, auto change) {
    change(request);
    return request;
  };
  const std::vector<pb::ScanKvRequest> senseless = {
      {},
      with(Open(), [&](auto& r) { r.set_scanner_id(id); }),
      with(Open(), [](auto& r) { r.set_close_scanner(true); }),
      with(Open(), [](auto& r) { r.clear_batch_size_bytes(); }),
      with(Open(), [](auto& r) { r.set_batch_size_bytes(0); }),
      with(Open(), [](auto& r) { r.set_batch_size_bytes(-5); }),
      with(Open(), [](auto& r) { r.clear_call_seq_id(); }),
      with(Open(), [](auto& r) { r.set_call_seq_id(1); }),
      with(Next(id, 1), [](auto& r) { r.clear_batch_size_bytes(); }),
      with(Next(id, 1), [](auto& r) { r.clear_call_seq_id(); }),
  };
  for (const auto& request : senseless) {
    EXPECT_EQ(Refused(request), ErrorCode::kInvalidScanRequest) << request.SerializeAsString();
  }
  EXPECT_EQ(Refused(Next("nothing", 1)), ErrorCode::kUnknownScannerId);
  const auto of = [&](int64_t table, int32_t bucket) {
    auto request = Open();
    request.mutable_bucket_scan_req()->set_table_id(table);
    request.mutable_bucket_scan_req()->set_bucket_id(bucket);
    return request;
  };
  EXPECT_EQ(Refused(of(999, 0)), ErrorCode::kUnknownTableOrBucket);
  EXPECT_EQ(Refused(of(table_, 7)), ErrorCode::kUnknownTableOrBucket);
  EXPECT_EQ(Refused(of(CreateTable("plain"), 0)), ErrorCode::kNonPrimaryKeyTable);
  // None of it has cost the scan anything.
  EXPECT_THAT(NamesIn(Scan(Next(id, 1))), ElementsAre("b"));
}

TEST_F(ScanKvTest, AClosedScanIsOver) {
  Put({{1, "a"}, {2, "b"}});
  const std::string id = Scan(Open()).scanner_id();
  for (int i = 0; i < 2; ++i) {  // it may be closed twice, or never have been
    const auto closed = Scan(CloseOf(id));
    EXPECT_THAT(NamesIn(closed), IsEmpty());
    EXPECT_TRUE(closed.has_has_more_results() && !closed.has_more_results());
    EXPECT_EQ(closed.scanner_id(), id);
  }
  EXPECT_EQ(Refused(Next(id, 1)), ErrorCode::kUnknownScannerId);
}

TEST_F(ScanKvTest, EightOfABucketAreOpenAtMost) {
  Put({{1, "a"}, {2, "b"}});
  std::vector<std::string> ids;
  for (int i = 0; i < 8; ++i) ids.push_back(Scan(Open()).scanner_id());
  EXPECT_EQ(Refused(Open()), ErrorCode::kTooManyScanners);
  Scan(Next(ids.back(), 1));  // to its end
  EXPECT_TRUE(Scan(Open()).has_more_results());
}

TEST_F(ScanKvTest, AnIdleScanExpires) {
  Put({{1, "a"}, {2, "b"}});
  const std::string id = Scan(Open()).scanner_id();
  const std::string read = Scan(Open()).scanner_id();
  // The connection is kept busy, or it would be closed.
  for (int i = 0; i < 11; ++i) {
    server_->sim.RunFor(minutes(1));
    Put({{1, "a"}});
    if (i == 5) EXPECT_THAT(NamesIn(Scan(Next(read, 1))), ElementsAre("b"));
  }
  EXPECT_EQ(Refused(Next(id, 1)), ErrorCode::kScannerExpired);
}

TEST_F(ScanKvTest, ItGoesOnOverAnotherConnectionUnlessThatTakesLong) {
  Put({{1, "a"}, {2, "b"}, {3, "c"}});
  const std::string back = Scan(Open()).scanner_id();
  const std::string gone = Scan(Open()).scanner_id();
  client_->Close();
  server_->sim.RunFor(seconds(30));
  client_ = server_->Connect();
  EXPECT_THAT(NamesIn(Scan(Next(back, 1))), ElementsAre("b"));
  server_->sim.RunFor(seconds(40));
  EXPECT_EQ(Refused(Next(gone, 1)), ErrorCode::kScannerExpired);
  server_->sim.RunFor(minutes(4));
  EXPECT_THAT(NamesIn(Scan(Next(back, 2))), ElementsAre("c"));
}

TEST_F(ScanKvTest, ADropOfTheTableEndsIt) {
  Put({{1, "a"}, {2, "b"}});
  const std::string id = Scan(Open()).scanner_id();
  pb::DropTableRequest drop;
  *drop.mutable_table_path() = PathOf("keyed");
  drop.set_ignore_if_not_exists(false);
  ASSERT_TRUE(client_->Call<pb::DropTableResponse>(ApiKey::kDropTable, drop).ok());
  server_->sim.RunFor(seconds(5));
  EXPECT_EQ(Refused(Next(id, 1)), ErrorCode::kScannerExpired);
  EXPECT_EQ(Refused(Open()), ErrorCode::kUnknownTableOrBucket);
}

TEST_F(ScanKvTest, WhoMayReadNoLongerHasNothingOfAScanEither) {
  Put({{1, "a"}, {2, "b"}});
  const std::string id = Scan(Open()).scanner_id();
  const security::AccessPolicy policy;
  server_->services->policy = &policy;
  EXPECT_EQ(CodeOf(client_->Call<pb::ScanKvResponse>(ApiKey::kScanKv, Next(id, 1)).status()),
            ErrorCode::kAuthorization);
  EXPECT_EQ(CodeOf(client_->Call<pb::ScanKvResponse>(ApiKey::kScanKv, CloseOf(id)).status()),
            ErrorCode::kAuthorization);
  const auto unknown = client_->Call<pb::ScanKvResponse>(ApiKey::kScanKv, Next("nothing", 1));
  ASSERT_TRUE(unknown.ok()) << unknown.status();
  EXPECT_EQ(unknown->error_code(), static_cast<int32_t>(ErrorCode::kUnknownScannerId));
  server_->services->policy = nullptr;
  EXPECT_THAT(NamesIn(Scan(Next(id, 1))), ElementsAre("b"));
}

TEST_F(ScanKvTest, AnAnswerTakesMemoryUntilItIsSent) {
  TestServerOptions options;
  options.limits.answer_memory_bytes = 64 << 10;  // of which one answer gets an eighth, for two copies
  StartWith(std::move(options));
  std::vector<std::pair<int64_t, std::string>> rows;
  for (int64_t i = 0; i < 50; ++i) rows.emplace_back(i, std::string(1000, 'x'));
  Put(rows);
  const auto answer = Scan(Open(1 << 20));
  EXPECT_LE(answer.records().size(), 4u << 10);
  EXPECT_GE(answer.records().size(), 3u << 10);
  EXPECT_TRUE(answer.has_more_results());
  EXPECT_EQ(server_->server->answers().used(), 0);
  // While all of it is taken, a scan waits, and then says so; it is where it was.
  runtime::ByteBudget& answers = server_->server->answers();
  ASSERT_TRUE(answers.TryAcquire(answers.limit()));
  EXPECT_EQ(Refused(Next(answer.scanner_id(), 1, 1 << 20)), ErrorCode::kRequestTimeOut);
  answers.Release(answers.limit());
  EXPECT_EQ(NamesIn(Scan(Next(answer.scanner_id(), 1, 1 << 20))).size(), NamesIn(answer).size());
}

TEST_F(ScanKvTest, NoAnswerIsLongerThanTheServerAllows) {
  TestServerOptions options;
  options.limits.scan_bytes_max = 5000;
  StartWith(std::move(options));
  Put({{1, std::string(3000, 'a')}, {2, std::string(9000, 'b')}, {3, "c"}});
  const auto first = Scan(Open(INT32_MAX));
  EXPECT_EQ(NamesIn(first).size(), 1u);
  const auto second = Scan(Next(first.scanner_id(), 1, INT32_MAX));
  EXPECT_THAT(NamesIn(second), ElementsAre(std::string(9000, 'b'))) << "one row comes, however large";
  EXPECT_TRUE(second.has_more_results());
}

}  // namespace
}  // namespace thalweg::service
