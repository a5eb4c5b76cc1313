#include "thalweg/cli/row_source.h"

#include <string>
#include <utility>
#include <vector>

#include "arrow/array/array_base.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/record_batch.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/cli/output.h"
#include "thalweg/cli/row_sink.h"
#include "thalweg/schema/arrow_mapping.h"
#include "thalweg/schema/type_text.h"
#include "thalweg/testing/memory_file_system.h"

namespace thalweg::cli {
namespace {

using ::testing::HasSubstr;

class RowSourceTest : public ::testing::Test {
 protected:
  void SetUp() override { fs_.CreateDurableDirectories("d"); }

  void Write(const std::string& name, const std::string& content) {
    auto output = Output::Open(fs_, "d/" + name).ValueOrDie();
    ASSERT_TRUE(output->Write(AsBytes(content)).ok());
  }
  std::string Content(const std::string& name) { return io::ReadFile(fs_, "d/" + name).ValueOrDie(); }

  /// What `name` holds, written as `format` into a file of that ending; or the error's message.
  std::string Convert(const std::string& name, const std::string& to, bool ignore_unknown = false) {
    const auto source = RowSource::Open(
        fs_, {.format = FormatOfFile(name).ValueOrDie(), .path = "d/" + name, .ignore_unknown = ignore_unknown},
        table_);
    if (!source.ok()) return source.status().message();
    auto output = Output::Open(fs_, "d/" + to).ValueOrDie();
    auto sink = RowSink::Open(FormatOfFile(to).ValueOrDie(), table_.columns(), *output).ValueOrDie();
    while (true) {
      const auto rows = (*source)->Next();
      if (!rows.ok()) return rows.status().message();
      if (!*rows) break;
      EXPECT_TRUE((*rows)->ValidateFull().ok());
      EXPECT_TRUE((*rows)->schema()->Equals(*schema::ToArrowSchema(table_)));
      EXPECT_TRUE(sink->Write(*rows).ok());
    }
    EXPECT_TRUE(sink->Finish().ok());
    return Content(to);
  }

  testing::MemoryFileSystem fs_;
  schema::Schema table_ = schema::SchemaFromText(
                              "id BIGINT NOT NULL, name STRING, price DECIMAL(10, 2), "
                              "at TIMESTAMP_LTZ(3), tags ARRAY<STRING>")
                              .ValueOrDie();
};

constexpr const char* kJson =
    "{\"id\":1,\"name\":\"a, \\\"b\\\"\",\"price\":\"1.50\",\"at\":\"2026-11-22 09:30:00Z\",\"tags\":[\"x\",\"y\"]}\n"
    "{\"id\":2,\"name\":\"\",\"price\":null,\"at\":null,\"tags\":null}\n";

TEST_F(RowSourceTest, EveryFormatKeepsEveryValue) {
  Write("a.json", kJson);
  EXPECT_EQ(Convert("a.json", "b.csv"),
            "id,name,price,at,tags\n"
            "1,\"a, \"\"b\"\"\",1.50,2026-11-22 09:30:00Z,\"[\"\"x\"\",\"\"y\"\"]\"\n"
            "2,\"\",,,\n");
  EXPECT_THAT(Convert("b.csv", "c.parquet"), HasSubstr("PAR1"));
  EXPECT_EQ(Convert("c.parquet", "d.json"), kJson);
}

TEST_F(RowSourceTest, AFileWithoutRowsHasItsColumns) {
  Write("a.json", "\n  \n");
  EXPECT_EQ(Convert("a.json", "b.csv"), "id,name,price,at,tags\n");
  EXPECT_EQ(Convert("b.csv", "c.json"), "");
}

TEST_F(RowSourceTest, TheLastLineNeedsNoEnd) {
  Write("a.json", "{\"id\":1}\n{\"id\":2}");
  EXPECT_THAT(Convert("a.json", "b.json"), HasSubstr("\"id\":2"));
}

TEST_F(RowSourceTest, ManyRowsComeInSeveralBatches) {
  std::string lines, cells = "id\n";
  for (int i = 0; i < 200'000; ++i) {
    lines += "{\"id\":" + std::to_string(i) + "}\n";
    cells += std::to_string(i) + "\n";
  }
  Write("a.json", lines);
  Write("a.csv", cells);
  const std::string all = Convert("a.json", "b.csv");
  EXPECT_EQ(std::ranges::count(all, '\n'), 200'001);
  EXPECT_EQ(Convert("a.csv", "c.csv"), all);
}

TEST_F(RowSourceTest, ErrorsNameFileRowAndColumn) {
  const auto json = [&](const std::string& text) {
    Write("x.json", text);
    return Convert("x.json", "y.csv");
  };
  EXPECT_THAT(json("{\"id\":1}\n\n{\"id\":\"x\"}\n"), HasSubstr("d/x.json: row 3: column id: 'x' is not a BIGINT"));
  EXPECT_THAT(json("{\"name\":\"no id\"}\n"), HasSubstr("row 1: column id: there is no value"));
  EXPECT_THAT(json("{\"id\":1,\"nme\":2}\n"), HasSubstr("row 1: the table has no column 'nme'"));
  EXPECT_THAT(json("{\"id\":1\n"), HasSubstr("row 1: this is not JSON"));
  EXPECT_THAT(json("[1]\n"), HasSubstr("one JSON object in each line"));

  const auto csv = [&](const std::string& text) {
    Write("x.csv", text);
    return Convert("x.csv", "y.json");
  };
  EXPECT_THAT(csv("id,price\n1,2\n2,x\n"), HasSubstr("d/x.csv: row 2: column price: 'x' is not a DECIMAL(10, 2)"));
  EXPECT_THAT(csv("id,prise\n1,2\n"), HasSubstr("no column 'prise'"));
  EXPECT_THAT(csv("id,price\n1\n"), HasSubstr("Expected 2 columns"));
  EXPECT_THAT(csv("name\na\n"), HasSubstr("row 1: column id: there is no value"));
  EXPECT_THAT(csv(""), HasSubstr("d/x.csv: "));
  EXPECT_THAT(csv("id,id\n1,2\n"), HasSubstr("d/x.csv: the first line names the column 'id' twice."));

  Write("x.parquet", "this is no Parquet file");
  EXPECT_THAT(Convert("x.parquet", "y.json"), HasSubstr("d/x.parquet: "));
  EXPECT_THAT(FormatOfFile("x.txt").status().message(), HasSubstr("--format"));
}

TEST_F(RowSourceTest, UnknownColumnsCanBeLeftOut) {
  Write("a.json", "{\"id\":1,\"more\":{\"a\":2}}\n");
  EXPECT_EQ(Convert("a.json", "b.csv", true), "id,name,price,at,tags\n1,,,,\n");
  Write("c.csv", "more,id\nx,1\n");
  EXPECT_EQ(Convert("c.csv", "d.csv", true), "id,name,price,at,tags\n1,,,,\n");
}

TEST_F(RowSourceTest, AParquetFileOfAnotherTypeIsCastAndItsFirstMisfitNamed) {
  Write("a.json", "{\"id\":1}\n{\"id\":300}\n{\"id\":400}\n");
  (void)Convert("a.json", "b.parquet");
  table_ =
      schema::SchemaFromText("id TINYINT, name STRING, price DECIMAL(10, 2), at TIMESTAMP_LTZ(3), tags ARRAY<STRING>")
          .ValueOrDie();
  EXPECT_THAT(Convert("b.parquet", "c.json"), HasSubstr("row 2: column id: int64 is not a TINYINT"));
  table_ = schema::SchemaFromText("id INT, name STRING, price DECIMAL(10, 2), at TIMESTAMP_LTZ(3), tags ARRAY<STRING>")
               .ValueOrDie();
  EXPECT_THAT(Convert("b.parquet", "c.json"), HasSubstr("{\"id\":400,"));
}

}  // namespace
}  // namespace thalweg::cli
