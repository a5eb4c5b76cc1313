#include "thalweg/client/key_reader.h"

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>

#include "arrow/array/array_binary.h"
#include "arrow/array/array_primitive.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/fluss.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/client/fake_server_internal.h"
#include "thalweg/format/row_format.h"
#include "thalweg/format/value_batch.h"
#include "thalweg/schema/type_text.h"
#include "thalweg/wire/lookup.h"

namespace thalweg::client {
namespace {

using ::testing::HasSubstr;
using wire::ApiKey;

/// A table of 4 buckets whose every key has the row (id, "n<id>"), but for those that are absent; and a server that fails as it is
/// told.
class KeyReaderTest : public ::testing::Test {
 protected:
  KeyReaderTest() {
    descriptor_.schema = schema::SchemaFromText("id BIGINT, name STRING, PRIMARY KEY (id)").ValueOrDie();
    descriptor_.bucket_count = 4;
    EXPECT_TRUE(descriptor_.Normalize().ok());
    server_ = std::make_unique<FakeServer>([this](const wire::Request& request) { return Answer(request); });
    ConnectionOptions options;
    options.server = server_->address();
    PoolLimits limits{.connections_max = 2, .tries_max = 4};
    limits.pause_first = limits.pause_max = std::chrono::milliseconds(1);
    pool_ = std::make_unique<ConnectionPool>(options, limits);
  }
  ~KeyReaderTest() override { pool_.reset(); }

  std::optional<Bytes> Answer(const wire::Request& request) {
    switch (request.key) {
      case ApiKey::kApiVersions: {
        pb::ApiVersionsResponse answer;
        for (const ApiKey key : {ApiKey::kLookup, ApiKey::kPrefixLookup, ApiKey::kGetTableInfo}) {
          auto* version = answer.add_api_versions();
          version->set_api_key(static_cast<int32_t>(key));
          version->set_min_version(0);
          version->set_max_version(0);
        }
        return wire::EncodeResponse(request.id, answer);
      }
      case ApiKey::kGetTableInfo: {
        pb::GetTableInfoResponse answer;
        answer.set_table_id(9);
        answer.set_schema_id(1);
        answer.set_table_json(descriptor_.ToJson());
        answer.set_created_time(0);
        answer.set_modified_time(0);
        return wire::EncodeResponse(request.id, answer);
      }
      default:
        return LookUp(request);
    }
  }

  std::optional<Bytes> LookUp(const wire::Request& request) {
    const int number = lookups_++;
    if (breaks_.contains(number)) return std::nullopt;
    const auto body = wire::DecodeLookupRequest(request.body).ValueOrDie();
    std::vector<wire::LookupResult> results;
    std::vector<std::vector<uint8_t>> memory;
    memory.reserve(100'000);
    for (const auto& bucket : body.buckets) {
      auto& result = results.emplace_back();
      result.bucket = bucket.bucket;
      asked_ += bucket.keys.size();
      if (bucket.keys.size() > keys_max_) {
        result.error = ErrorCode::kRecordTooLarge;
        result.error_message = "too many";
        continue;
      }
      if (errors_.contains(number)) {
        result.error = errors_[number];
        result.error_message = "as told";
        continue;
      }
      for (const ByteView key : bucket.keys) {
        const auto id = format::DecodeRow(format::RowFormat::kCompacted, Row(key), IdType()).ValueOrDie();
        const int64_t number_of_row = *id[0].get_if<int64_t>();
        if (absent_.contains(number_of_row)) {
          result.values.push_back(std::nullopt);
          continue;
        }
        const auto row = format::EncodeRow(format::RowFormat::kCompacted,
                                           std::vector<format::Datum>{id[0], {"n" + std::to_string(number_of_row)}},
                                           std::vector{IdType()[0], schema::MakeType(schema::TypeKind::kString)})
                             .ValueOrDie();
        format::EncodeStoredValue(SchemaId(1), row, &memory.emplace_back());
        result.values.emplace_back(memory.back());
      }
      if (drops_a_value_) result.values.pop_back();
    }
    return wire::EncodeLookupResponse(request.id, results);
  }

  static std::vector<schema::DataType> IdType() { return {schema::MakeType(schema::TypeKind::kBigInt)}; }
  /// A compacted key is a compacted row less its null bits.
  ByteView Row(ByteView key) {
    row_.assign(1, 0);
    row_.insert(row_.end(), key.begin(), key.end());
    return row_;
  }

  static std::shared_ptr<arrow::RecordBatch> Keys(const std::vector<int64_t>& ids) {
    arrow::Int64Builder builder;
    EXPECT_TRUE(builder.AppendValues(ids).ok());
    return arrow::RecordBatch::Make(arrow::schema({arrow::field("id", arrow::int64())}),
                                    static_cast<int64_t>(ids.size()), {builder.Finish().ValueOrDie()});
  }

  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Find(const std::vector<int64_t>& ids,
                                                          Missing missing = Missing::kLeaveOut) {
    if (!reader_) {
      ARROW_ASSIGN_OR_RAISE(reader_, KeyReader::Open(*pool_, {"fluss", "t"}));
    }
    return reader_->LookUp(*Keys(ids), {}, missing);
  }

  static std::vector<std::string> Names(const arrow::RecordBatch& rows) {
    std::vector<std::string> names;
    const auto& column = static_cast<const arrow::StringArray&>(*rows.column(1));
    for (int64_t i = 0; i < rows.num_rows(); ++i) names.push_back(column.IsNull(i) ? "-" : column.GetString(i));
    return names;
  }

  schema::TableDescriptor descriptor_;
  std::atomic<int> lookups_ = 0;
  std::set<int> breaks_;
  std::map<int, ErrorCode> errors_;
  std::set<int64_t> absent_;
  size_t keys_max_ = SIZE_MAX;
  std::atomic<size_t> asked_ = 0;
  bool drops_a_value_ = false;
  std::vector<uint8_t> row_;
  std::unique_ptr<FakeServer> server_;
  std::unique_ptr<ConnectionPool> pool_;
  std::unique_ptr<KeyReader> reader_;
};

TEST_F(KeyReaderTest, RowsComeInTheOrderOfTheirKeys) {
  const auto rows = Find({1000, 3, 77, 3});
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_THAT(Names(**rows), ::testing::ElementsAre("n1000", "n3", "n77", "n3"));
}

TEST_F(KeyReaderTest, MissingRowsAreLeftOutOrNulls) {
  absent_ = {3};
  EXPECT_THAT(Names(**Find({1, 3, 2})), ::testing::ElementsAre("n1", "n2"));
  EXPECT_THAT(Names(**Find({1, 3, 2}, Missing::kNulls)), ::testing::ElementsAre("n1", "-", "n2"));
}

TEST_F(KeyReaderTest, ABrokenConnectionIsOpenedAgain) {
  breaks_ = {0, 1};
  EXPECT_THAT(Names(**Find({5})), ::testing::ElementsAre("n5"));
  EXPECT_EQ(server_->connections(), 3);
}

TEST_F(KeyReaderTest, TriesAreBounded) {
  breaks_ = {0, 1, 2, 3, 4, 5, 6, 7};
  EXPECT_EQ(CodeOf(Find({5}).status()), ErrorCode::kNetwork);
  EXPECT_EQ(lookups_, 4);
}

TEST_F(KeyReaderTest, WhatMayPassIsTriedAgain) {
  errors_ = {{0, ErrorCode::kStorageBackpressure}, {1, ErrorCode::kLeaderNotAvailable}};
  EXPECT_THAT(Names(**Find({5})), ::testing::ElementsAre("n5"));
  EXPECT_EQ(server_->connections(), 1);
}

TEST_F(KeyReaderTest, WhatDoesNotPassIsNot) {
  errors_ = {{0, ErrorCode::kAuthorization}, {1, ErrorCode::kUnknownTableOrBucket}};
  EXPECT_EQ(CodeOf(Find({5}).status()), ErrorCode::kAuthorization);
  EXPECT_EQ(CodeOf(Find({5}).status()), ErrorCode::kUnknownTableOrBucket);
  EXPECT_EQ(lookups_, 2);
}

TEST_F(KeyReaderTest, AnswersTooLargeAreAskedForInParts) {
  keys_max_ = 3;
  std::vector<int64_t> ids;
  std::vector<std::string> names;
  for (int64_t id = 0; id < 100; ++id) {
    ids.push_back(id);
    names.push_back("n" + std::to_string(id));
  }
  const auto rows = Find(ids);
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(Names(**rows), names);
}

TEST_F(KeyReaderTest, OneRowThatIsTooLargeIsAnError) {
  keys_max_ = 0;
  EXPECT_EQ(CodeOf(Find({1, 2, 3}).status()), ErrorCode::kRecordTooLarge);
}

TEST_F(KeyReaderTest, AnAnswerThatLacksAValueIsRefused) {
  drops_a_value_ = true;
  const auto status = Find({1}).status();
  EXPECT_EQ(CodeOf(status), ErrorCode::kCorruptMessage);
  EXPECT_THAT(status.message(), HasSubstr("not one for the keys"));
}

TEST_F(KeyReaderTest, MoreKeysThanOneRequestTakes) {
  std::vector<int64_t> ids;
  for (size_t id = 0; id < 2 * KeyReader::kKeysMax + 1; ++id) ids.push_back(static_cast<int64_t>(id));
  const auto rows = Find(ids);
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ((*rows)->num_rows(), static_cast<int64_t>(ids.size()));
  EXPECT_EQ(lookups_, 3);
}

TEST_F(KeyReaderTest, SeveralThreadsShareTheConnections) {
  ASSERT_TRUE(Find({0}).ok());
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (int64_t thread = 0; thread < 5; ++thread) {
      threads.emplace_back([&, thread] {
        for (int64_t i = 0; i < 50; ++i) {
          const auto rows = Find({thread * 100 + i});
          if (!rows.ok() || Names(**rows) != std::vector{"n" + std::to_string(thread * 100 + i)}) ++wrong;
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_LE(server_->connections(), 2);
}

TEST_F(KeyReaderTest, KeysOfAnotherTypeAreRefused) {
  ASSERT_TRUE(Find({1}).ok());
  arrow::Int32Builder builder;
  ASSERT_TRUE(builder.Append(1).ok());
  const auto keys =
      arrow::RecordBatch::Make(arrow::schema({arrow::field("id", arrow::int32())}), 1, {builder.Finish().ValueOrDie()});
  const auto status = reader_->LookUp(*keys, {}, Missing::kLeaveOut).status();
  EXPECT_EQ(CodeOf(status), ErrorCode::kInvalidTable);
  EXPECT_THAT(status.message(), HasSubstr("Values of key column 'id' are int64, not int32"));
}

TEST_F(KeyReaderTest, KeysAreSoughtWhereClientsOnTheRustLibraryPutThem) {
  // 1 to 127 are one byte without a sign: both kinds of clients agree. 200 is two bytes, the first with the highest bit set.
  absent_ = {5, 200};
  ASSERT_TRUE(Find({5}).ok());
  EXPECT_EQ(asked_, 1u);
  asked_ = 0;
  const auto router = reader_->RouterOf(KeyKind::kWhole).ValueOrDie();
  const auto routed = router->Route(*Keys({200})).ValueOrDie();
  ASSERT_EQ(routed.size(), 1u);
  ASSERT_TRUE(Find({200}).ok());
  EXPECT_EQ(asked_, routed[0].bucket == routed[0].other_bucket ? 1u : 2u);
}

}  // namespace
}  // namespace thalweg::client
