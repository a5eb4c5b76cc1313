#include "thalweg/cli/table_option_page.h"

#include <string>

#include "gtest/gtest.h"
#include "thalweg/io/file_system.h"
#include "thalweg/io/posix_file_system.h"
#include "thalweg/schema/table_options.h"

namespace thalweg::cli {
namespace {

TEST(TableOptionPageTest, TheFileIsWhatTheTableSays) {
  io::PosixFileSystem fs;
  const std::string file = io::ReadFile(fs, THALWEG_SOURCE_DIR "/docs/table_options.md").ValueOrDie();
  EXPECT_TRUE(file == TableOptionPage()) << "write it anew: thalweg table options > docs/table_options.md";
}

TEST(TableOptionPageTest, ALineForEachOption) {
  const std::string page = TableOptionPage();
  for (const auto& option : schema::TableOptions()) {
    EXPECT_NE(page.find("\n| `" + std::string(option.key) + "` | "), std::string::npos) << option.key;
  }
}

}  // namespace
}  // namespace thalweg::cli
