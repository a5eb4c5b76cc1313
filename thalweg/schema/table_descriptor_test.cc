#include "thalweg/schema/table_descriptor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "thalweg/base/error.h"
#include "thalweg/schema/database_descriptor.h"

namespace thalweg::schema {
namespace {

using testing::ElementsAre;

// The protocol's own example.
constexpr std::string_view kExample =
    R"({"version":1,"schema":{"version":1,"columns":[{"name":"id","data_type":{"type":"INTEGER","nullable":false},"id":0},)"
    R"({"name":"v","data_type":{"type":"STRING"},"id":1}],"primary_key":["id"],"highest_field_id":1},"partition_key":[],)"
    R"("bucket_key":["id"],"bucket_count":1,"properties":{"table.kv.format-version":"2","table.replication.factor":"1"},)"
    R"("custom_properties":{}})";

TableDescriptor Make(std::vector<std::string> primary_key, std::vector<std::string> partition_keys,
                     std::vector<std::string> bucket_keys) {
  std::vector<Column> columns;
  for (const char* name : {"a", "b", "c"}) columns.push_back({.name = name, .type = MakeType(TypeKind::kString)});
  return {.schema = Schema::Make({.columns = columns, .primary_key = std::move(primary_key)}).ValueOrDie(),
          .partition_keys = std::move(partition_keys),
          .bucket_keys = std::move(bucket_keys)};
}

TEST(TableDescriptor, RoundsTripTheExample) {
  const auto table = TableDescriptor::FromJson(kExample);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_TRUE(table->HasPrimaryKey());
  EXPECT_FALSE(table->IsPartitioned());
  EXPECT_EQ(table->bucket_count, 1);
  EXPECT_EQ(table->properties.at("table.replication.factor"), "1");
  EXPECT_EQ(table->ToJson(), kExample);
}

TEST(TableDescriptor, PropertiesMayBeNumbersAndBooleans) {
  const auto table = TableDescriptor::FromJson(
      R"({"schema":{"columns":[{"name":"a","data_type":{"type":"DATE"}}]},"comment":"x","partition_key":[],)"
      R"("properties":{"n":3,"b":true},"custom_properties":{"s":"é"}})");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->properties.at("n"), "3");
  EXPECT_EQ(table->properties.at("b"), "true");
  EXPECT_EQ(table->comment, "x");
  EXPECT_EQ(table->bucket_count, std::nullopt);
  EXPECT_EQ(*TableDescriptor::FromJson(table->ToJson()), *table);
}

TEST(TableDescriptor, ThePrimaryKeyGivesTheBucketKey) {
  TableDescriptor plain = Make({"a", "b"}, {}, {});
  ASSERT_TRUE(plain.Normalize().ok());
  EXPECT_THAT(plain.bucket_keys, ElementsAre("a", "b"));
  EXPECT_TRUE(plain.HasDefaultBucketKey());

  TableDescriptor partitioned = Make({"a", "b", "c"}, {"b"}, {});
  ASSERT_TRUE(partitioned.Normalize().ok());
  EXPECT_THAT(partitioned.bucket_keys, ElementsAre("a", "c"));

  TableDescriptor chosen = Make({"a", "b"}, {}, {"b"});
  ASSERT_TRUE(chosen.Normalize().ok());
  EXPECT_FALSE(chosen.HasDefaultBucketKey());
  EXPECT_THAT(chosen.IndexesOf(chosen.bucket_keys), ElementsAre(1));

  TableDescriptor log = Make({}, {"a"}, {});
  ASSERT_TRUE(log.Normalize().ok());
  EXPECT_TRUE(log.bucket_keys.empty());
  EXPECT_TRUE(log.HasDefaultBucketKey());
}

TEST(TableDescriptor, KeysMustFitEachOther) {
  EXPECT_FALSE(Make({}, {"x"}, {}).Normalize().ok());       // no such column
  EXPECT_FALSE(Make({}, {}, {"x"}).Normalize().ok());       // no such column
  EXPECT_FALSE(Make({}, {"a", "a"}, {}).Normalize().ok());  // twice
  EXPECT_FALSE(Make({}, {"a"}, {"a"}).Normalize().ok());    // bucket and partition key
  EXPECT_FALSE(Make({"a"}, {"b"}, {}).Normalize().ok());    // partition key outside the primary key
  EXPECT_FALSE(Make({"a"}, {}, {"b"}).Normalize().ok());    // bucket key outside the primary key
  EXPECT_FALSE(Make({"a"}, {"a"}, {}).Normalize().ok());    // nothing left to hash
  EXPECT_EQ(CodeOf(Make({"a"}, {"a"}, {}).Normalize()), ErrorCode::kInvalidTable);
}

TEST(TableDescriptor, ABucketKeyMayNameAColumnTwice) {
  TableDescriptor log = Make({}, {}, {"a", "a"});
  ASSERT_TRUE(log.Normalize().ok());
  EXPECT_THAT(log.IndexesOf(log.bucket_keys), ElementsAre(0, 0));
  TableDescriptor keyed = Make({"a", "b"}, {}, {"a", "a"});
  ASSERT_TRUE(keyed.Normalize().ok());
  EXPECT_FALSE(keyed.HasDefaultBucketKey());
}

TEST(TableDescriptor, RefusesWhatIsNone) {
  for (const std::string json : {"", "null", R"({"schema":1})", R"({"partition_key":[]})"}) {
    EXPECT_EQ(CodeOf(TableDescriptor::FromJson(json).status()), ErrorCode::kInvalidTable) << json;
  }
  std::string wrong(kExample);
  wrong.replace(wrong.find(R"("bucket_count":1)"), 16, R"("bucket_count":"")");
  EXPECT_FALSE(TableDescriptor::FromJson(wrong).ok());
}

TEST(TableDescriptor, SurvivesEveryCut) {
  for (size_t n = 0; n < kExample.size(); ++n) EXPECT_FALSE(TableDescriptor::FromJson(kExample.substr(0, n)).ok()) << n;
}

TEST(DatabaseDescriptor, RoundsTrip) {
  const auto database = DatabaseDescriptor::FromJson(R"({"version":1,"comment":"c","custom_properties":{"k":"v"}})");
  ASSERT_TRUE(database.ok());
  EXPECT_EQ(database->comment, "c");
  EXPECT_EQ(database->ToJson(), R"({"version":1,"comment":"c","custom_properties":{"k":"v"}})");
  EXPECT_EQ(DatabaseDescriptor().ToJson(), R"({"version":1,"custom_properties":{}})");
  EXPECT_EQ(CodeOf(DatabaseDescriptor::FromJson("[]").status()), ErrorCode::kInvalidDatabase);
}

}  // namespace
}  // namespace thalweg::schema
