#include "thalweg/cli/text_table.h"

#include "gtest/gtest.h"

namespace thalweg::cli {
namespace {

TEST(TextTableTest, ColumnsAreAsWideAsTheirWidestCell) {
  TextTable table({"NAME", "KIND"});
  table.AddRow({"größer als", "log"});
  table.AddRow({"a", ""});
  EXPECT_EQ(table.ToString(),
            "NAME        KIND\n"
            "größer als  log\n"
            "a\n");
}

TEST(TextTableTest, TextIsCutByCharactersNotBytes) {
  EXPECT_EQ(FitTo("größer", 6), "größer");
  EXPECT_EQ(FitTo("größer", 5), "größ…");
  EXPECT_EQ(FitTo("größer", 1), "…");
  EXPECT_EQ(FitTo("größer", 0), "");
  EXPECT_EQ(FitTo("a\x1B[2Jb", 10), "a [2Jb") << "no cell may command the terminal";
}

TEST(TextTableTest, NumbersAreGroupedByThree) {
  EXPECT_EQ(WithSeparators(0), "0");
  EXPECT_EQ(WithSeparators(999), "999");
  EXPECT_EQ(WithSeparators(1000), "1,000");
  EXPECT_EQ(WithSeparators(1234567), "1,234,567");
}

}  // namespace
}  // namespace thalweg::cli
