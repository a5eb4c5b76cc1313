#include "thalweg/schema/partition_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "thalweg/base/error.h"
#include "thalweg/schema/table_path.h"

namespace thalweg::schema {
namespace {

using testing::ElementsAre;

const std::vector<std::string> kKeys = {"day", "region"};

ErrorCode CodeFor(const PartitionSpec& spec, PartitionUse use = PartitionUse::kCreate) {
  return CodeOf(ResolvePartition(kKeys, spec, use).status());
}

TEST(PartitionSpec, PutsValuesIntoTheOrderOfTheKeys) {
  const auto values = ResolvePartition(kKeys, {{"region", "eu"}, {"day", "20260101"}}, PartitionUse::kCreate);
  ASSERT_TRUE(values.ok()) << values.status();
  EXPECT_THAT(*values, ElementsAre("20260101", "eu"));
  EXPECT_EQ(PartitionName(*values), "20260101$eu");
  EXPECT_THAT(*SplitPartitionName(kKeys, "20260101$eu"), ElementsAre("20260101", "eu"));
  EXPECT_EQ(PartitionName({"x"}), "x");
  EXPECT_THAT(*SplitPartitionName({"day"}, "x"), ElementsAre("x"));
}

TEST(PartitionSpec, RefusesOtherKeysAndValues) {
  EXPECT_EQ(CodeFor({}), ErrorCode::kPartitionSpecInvalid);
  EXPECT_EQ(CodeFor({{"day", "1"}}), ErrorCode::kPartitionSpecInvalid);
  EXPECT_EQ(CodeFor({{"day", "1"}, {"country", "fr"}}), ErrorCode::kPartitionSpecInvalid);
  EXPECT_EQ(CodeFor({{"day", "1"}, {"day", "2"}}), ErrorCode::kPartitionSpecInvalid);
  EXPECT_EQ(CodeFor({{"day", "1"}, {"region", "eu"}, {"x", "y"}}), ErrorCode::kPartitionSpecInvalid);
  for (const char* value : {"", ".", "..", "a$b", "a b", "é", "__x"}) {
    EXPECT_EQ(CodeFor({{"day", "1"}, {"region", value}}), ErrorCode::kPartitionSpecInvalid) << value;
  }
  EXPECT_EQ(CodeFor({{"day", "1"}, {"region", "__x"}}, PartitionUse::kRefer), ErrorCode::kNone);
  EXPECT_EQ(CodeFor({{"day", "1"}, {"region", "a$b"}}, PartitionUse::kRefer), ErrorCode::kPartitionSpecInvalid);
  for (const char* name : {"", "a", "a$b$c"}) EXPECT_FALSE(SplitPartitionName(kKeys, name).ok()) << name;
}

TEST(PartitionSpec, MatchesPartially) {
  const std::vector<std::string> values = {"1", "eu"};
  EXPECT_TRUE(*MatchesPartially(kKeys, values, {}));
  EXPECT_TRUE(*MatchesPartially(kKeys, values, {{"region", "eu"}}));
  EXPECT_FALSE(*MatchesPartially(kKeys, values, {{"region", "us"}}));
  EXPECT_TRUE(*MatchesPartially(kKeys, values, {{"region", "eu"}, {"day", "1"}}));
  EXPECT_FALSE(*MatchesPartially(kKeys, values, {{"region", "eu"}, {"day", "2"}}));
  EXPECT_EQ(CodeOf(MatchesPartially(kKeys, values, {{"day", "2"}, {"x", "1"}}).status()),
            ErrorCode::kPartitionSpecInvalid);
}

TEST(PartitionSpec, KeysAreOfKindsWithAText) {
  for (const TypeKind kind : {TypeKind::kString, TypeKind::kBytes, TypeKind::kDouble, TypeKind::kTimestampLtz}) {
    EXPECT_TRUE(IsPartitionKeyKind(kind)) << KindName(kind);
  }
  for (const TypeKind kind : {TypeKind::kDecimal, TypeKind::kArray, TypeKind::kMap, TypeKind::kRow}) {
    EXPECT_FALSE(IsPartitionKeyKind(kind)) << KindName(kind);
  }
}

TEST(Names, HaveTheirRules) {
  EXPECT_TRUE(CheckDatabaseName("a-Z_09").ok());
  EXPECT_TRUE(CheckTableName(std::string(kNameBytesMax, 'x')).ok());
  EXPECT_EQ(CodeOf(CheckTableName(std::string(kNameBytesMax + 1, 'x'))), ErrorCode::kInvalidTable);
  for (const char* name : {"", ".", "..", "a.b", "a/b", "__a", "a$b", "tablé"}) {
    EXPECT_EQ(CodeOf(CheckDatabaseName(name)), ErrorCode::kInvalidDatabase) << name;
    EXPECT_EQ(CodeOf(CheckTableName(name)), ErrorCode::kInvalidTable) << name;
  }
  EXPECT_EQ(CodeOf((TablePath{"d", "t."}).Check()), ErrorCode::kInvalidTable);
  EXPECT_EQ(CodeOf((TablePath{"d.", "t."}).Check()), ErrorCode::kInvalidDatabase);
  EXPECT_EQ(fmt::format("{}", TablePath{"d", "t"}), "d.t");
  EXPECT_NE(std::hash<TablePath>{}(TablePath{"a", "b"}), std::hash<TablePath>{}(TablePath{"b", "a"}));
}

}  // namespace
}  // namespace thalweg::schema
