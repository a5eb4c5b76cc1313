#include "thalweg/app/config_page.h"

#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/app/config_option.h"
#include "thalweg/io/file_system.h"
#include "thalweg/io/posix_file_system.h"

namespace thalweg::app {
namespace {

TEST(ConfigPageTest, TheFileIsWhatTheTableSays) {
  io::PosixFileSystem fs;
  const std::string file = io::ReadFile(fs, THALWEG_SOURCE_DIR "/docs/options.md").ValueOrDie();
  EXPECT_TRUE(file == ConfigPage()) << "write it anew: thalweg serve --list-options > docs/options.md";
}

TEST(ConfigPageTest, NoNameStandsTwice) {
  std::map<std::string_view, int> count;
  for (const auto& option : ConfigOptions()) {
    ++count[option.name];
    EXPECT_EQ(FindIgnoredConfigOption(option.name), nullptr) << option.name;
  }
  for (const auto& group : IgnoredConfigOptions()) {
    for (const auto name : group.names) ++count[name];
  }
  for (const auto& [name, times] : count) EXPECT_EQ(times, 1) << name;
}

TEST(ConfigPageTest, FamiliesCoverTheirMembersOnly) {
  EXPECT_NE(FindIgnoredConfigOption("table.log.ttl"), nullptr);
  EXPECT_EQ(FindIgnoredConfigOption("table"), nullptr);
  EXPECT_EQ(FindIgnoredConfigOption("zookeeper.addres"), nullptr);
}

}  // namespace
}  // namespace thalweg::app
