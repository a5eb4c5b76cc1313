#include "thalweg/schema/type_text.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"

namespace thalweg::schema {
namespace {

using ::testing::HasSubstr;

TEST(TypeTextTest, WhatATypePrintsIsReadBack) {
  for (const char* text :
       {"BOOLEAN", "TINYINT", "SMALLINT NOT NULL", "INT", "BIGINT", "FLOAT", "DOUBLE", "CHAR(3)", "STRING NOT NULL",
        "BINARY(16)", "BYTES", "DECIMAL(10, 2)", "DATE", "TIME(3)", "TIMESTAMP(6)", "TIMESTAMP_LTZ(9) NOT NULL",
        "ARRAY<INT NOT NULL>", "MAP<STRING NOT NULL, ARRAY<DECIMAL(38, 0)>>", "ROW<a INT, b ROW<c STRING>> NOT NULL"}) {
    const auto type = DataTypeFromText(text);
    ASSERT_TRUE(type.ok()) << text << ": " << type.status();
    EXPECT_EQ(type->ToString(), text);
  }
}

TEST(TypeTextTest, TheWordsOfSqlAreKnown) {
  EXPECT_EQ(DataTypeFromText(" integer  not null ")->ToString(), "INT NOT NULL");
  EXPECT_EQ(DataTypeFromText("varchar(20)")->ToString(), "STRING");
  EXPECT_EQ(DataTypeFromText("timestamp")->ToString(), "TIMESTAMP(6)");
  EXPECT_EQ(DataTypeFromText("decimal(5)")->ToString(), "DECIMAL(5, 0)");
}

TEST(TypeTextTest, NonsenseIsRefusedWhereItStands) {
  for (const auto& [text, says] :
       std::initializer_list<std::pair<const char*, const char*>>{{"", "a type"},
                                                                  {"BIGIT", "at 'BIGIT'"},
                                                                  {"INT x", "at 'x'"},
                                                                  {"ARRAY<INT", "Expected >"},
                                                                  {"ARRAY INT", "Expected <"},
                                                                  {"MAP<INT>", "a comma"},
                                                                  {"DECIMAL(99, 1)", "precision"},
                                                                  {"INT(4)", "no size of INT"},
                                                                  {"CHAR(x)", "a number"},
                                                                  {"INT NOT", "NULL"}}) {
    const auto type = DataTypeFromText(text);
    EXPECT_EQ(CodeOf(type.status()), ErrorCode::kInvalidTable) << text;
    EXPECT_THAT(type.status().message(), HasSubstr(says)) << text;
  }
  std::string deep = "INT";
  for (int i = 0; i < 100; ++i) deep = "ARRAY<" + deep + ">";
  EXPECT_FALSE(DataTypeFromText(deep).ok());
}

TEST(TypeTextTest, ColumnsOfATable) {
  const auto schema = SchemaFromText("id BIGINT NOT NULL COMMENT 'the key', `odd name` STRING, PRIMARY KEY (id)");
  ASSERT_TRUE(schema.ok()) << schema.status();
  ASSERT_EQ(schema->column_count(), 2u);
  EXPECT_EQ(schema->columns()[0].comment, "the key");
  EXPECT_EQ(schema->columns()[1].name, "odd name");
  EXPECT_THAT(schema->primary_key(), ::testing::ElementsAre("id"));
  EXPECT_EQ(CodeOf(SchemaFromText("id BIGINT name STRING").status()), ErrorCode::kInvalidTable);
  EXPECT_EQ(CodeOf(SchemaFromText("id").status()), ErrorCode::kInvalidTable);
  EXPECT_EQ(CodeOf(SchemaFromText("").status()), ErrorCode::kInvalidTable);
}

}  // namespace
}  // namespace thalweg::schema
