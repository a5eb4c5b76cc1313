#include "thalweg/sql/definition.h"

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace thalweg::sql {
namespace {

std::string NameText(const TableName& name) { return name.database ? *name.database + "." + name.table : name.table; }
const char* If(bool is, const char* text) { return is ? text : ""; }

std::string ChangesText(const std::vector<schema::OptionChange>& changes) {
  std::string text;
  for (const auto& change : changes) {
    text += change.operation == schema::kOptionSet
                ? fmt::format("\n  set {}={}", change.key, change.value.value_or("?"))
                : fmt::format("\n  reset {}", change.key);
  }
  return text;
}

struct Printer {
  std::string operator()(const CreateDatabase& create) const {
    std::string text = fmt::format("create database{} {}", If(create.ignore_if_exists, " if not exists"), create.name);
    if (create.descriptor.comment) text += " comment " + *create.descriptor.comment;
    for (const auto& [key, value] : create.descriptor.custom_properties) text += fmt::format(" {}={}", key, value);
    return text;
  }
  std::string operator()(const AlterDatabase& alter) const {
    return "alter database " + alter.name + ChangesText(alter.properties);
  }
  std::string operator()(const DropDatabase& drop) const {
    return fmt::format("drop database{} {}{}", If(drop.ignore_if_not_exists, " if exists"), drop.name,
                       If(drop.cascade, " cascade"));
  }
  std::string operator()(const CreateTable& create) const {
    const auto& table = create.descriptor;
    std::string text =
        fmt::format("create table{} {}", If(create.ignore_if_exists, " if not exists"), NameText(create.name));
    for (const auto& column : table.schema.columns()) {
      text += fmt::format("\n  {} {}", column.name, column.type);
      if (column.comment) text += " comment " + *column.comment;
      if (column.agg_function) {
        text += " agg " + column.agg_function->type;
        for (const auto& [key, value] : column.agg_function->parameters) text += fmt::format(" {}={}", key, value);
      }
    }
    const auto names = [&](const char* what, const std::vector<std::string>& of) {
      if (!of.empty()) text += fmt::format("\n  {} {}", what, fmt::join(of, ", "));
    };
    names("primary key", table.schema.primary_key());
    if (create.query) names("key of the query's", create.primary_key);
    names("auto increment", table.schema.auto_increment_columns());
    names("partitioned by", table.partition_keys);
    names("bucket key", table.bucket_keys);
    if (table.bucket_count) text += fmt::format("\n  buckets {}", *table.bucket_count);
    if (table.comment) text += "\n  comment " + *table.comment;
    for (const auto& [key, value] : table.properties) text += fmt::format("\n  {}={}", key, value);
    for (const auto& [key, value] : table.custom_properties) text += fmt::format("\n  custom {}={}", key, value);
    if (create.query) text += "\n  as " + *create.query;
    return text;
  }
  std::string operator()(const AlterTable& alter) const {
    std::string text =
        fmt::format("alter table{} {}", If(alter.ignore_if_not_exists, " if exists"), NameText(alter.name));
    for (const auto& column : alter.change.added_columns) {
      text += fmt::format("\n  add {} {}", column.name, column.type);
      if (column.comment) text += " comment " + *column.comment;
    }
    return text + ChangesText(alter.change.options);
  }
  std::string operator()(const DropTable& drop) const {
    return fmt::format("drop table{} {}", If(drop.ignore_if_not_exists, " if exists"), NameText(drop.name));
  }
  std::string operator()(const AddPartition& add) const {
    return fmt::format("add partition to {}{}{}", NameText(add.table), If(add.ignore_if_exists, " if not exists"),
                       SpecText(add.spec));
  }
  std::string operator()(const DropPartition& drop) const {
    return fmt::format("drop partition of {}{}{}", NameText(drop.table), If(drop.ignore_if_not_exists, " if exists"),
                       SpecText(drop.spec));
  }
  static std::string SpecText(const schema::PartitionSpec& spec) {
    std::string text;
    for (const auto& [key, value] : spec) text += fmt::format(" {}={}", key, value);
    return text;
  }
};

TEST(DefinitionTest, Cases) {
  std::ifstream file(THALWEG_SOURCE_DIR "/thalweg/sql/definition_cases.txt");
  ASSERT_TRUE(file.is_open());
  int cases = 0;
  std::string line;
  while (std::getline(file, line)) {
    if (line.empty() || line.starts_with('#')) continue;
    std::string sql = line;
    while (std::getline(file, line) && line != "----") sql += "\n" + line;
    std::string expected;
    while (std::getline(file, line) && !line.empty()) expected += (expected.empty() ? "" : "\n") + line;
    ++cases;
    const auto definition = ParseDefinition(sql);
    if (expected.starts_with("error: ")) {
      ASSERT_FALSE(definition.ok()) << sql;
      EXPECT_THAT(definition.status().message(), ::testing::HasSubstr(expected.substr(7))) << sql;
    } else {
      ASSERT_TRUE(definition.ok()) << sql << "\n" << definition.status();
      EXPECT_EQ(definition->has_value() ? std::visit(Printer(), **definition) : "not a definition", expected) << sql;
    }
  }
  EXPECT_GE(cases, 40);
}

}  // namespace
}  // namespace thalweg::sql
