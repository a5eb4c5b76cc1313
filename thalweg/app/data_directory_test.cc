#include "thalweg/app/data_directory.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/io/posix_file_system.h"
#include "thalweg/testing/crash_points.h"
#include "thalweg/testing/memory_file_system.h"

namespace thalweg::app {
namespace {

using ::testing::HasSubstr;

class DataDirectoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/var/tmp/thalweg_app_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& name, const std::string& content) {
    std::filesystem::create_directories((root_ + "/" + name).substr(0, (root_ + "/" + name).rfind('/')));
    std::ofstream(root_ + "/" + name) << content;
  }
  /// Every file with its content and the time of its last change.
  std::map<std::string, std::string> Listing() const {
    std::map<std::string, std::string> listing;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root_)) {
      std::stringstream content;
      if (entry.is_regular_file()) content << std::ifstream(entry.path()).rdbuf();
      content << " @ " << entry.last_write_time().time_since_epoch().count();
      listing[entry.path()] = content.str();
    }
    return listing;
  }
  arrow::Status Refused() {
    const auto before = Listing();
    const auto claimed = ClaimDataDirectory(fs_, root_);
    EXPECT_EQ(Listing(), before) << "something was touched";
    return claimed.status();
  }

  io::PosixFileSystem fs_;
  std::string root_;
};

TEST_F(DataDirectoryTest, ANewOneIsMadeAndComesBack) {
  const std::string path = root_ + "/a/b";
  for (int start = 0; start < 2; ++start) {
    const auto claimed = ClaimDataDirectory(fs_, path);
    ASSERT_TRUE(claimed.ok()) << claimed.status();
    EXPECT_EQ(*io::ReadFile(fs_, path + "/version"), "thalweg data layout 1\n");
  }
}

TEST_F(DataDirectoryTest, ASecondServerIsToldWhoHoldsIt) {
  const auto first = ClaimDataDirectory(fs_, root_);
  ASSERT_TRUE(first.ok()) << first.status();
  io::PosixFileSystem other;
  const auto second = ClaimDataDirectory(other, root_);
  EXPECT_EQ(CodeOf(second.status()), ErrorCode::kStorage);
  EXPECT_THAT(second.status().message(), HasSubstr(std::to_string(::getpid())));
}

TEST_F(DataDirectoryTest, AFutureVersionIsRefusedAndNothingTouched) {
  Write("version", "thalweg data layout 2\n");
  Write("journal/00000001", "new ways");
  Write("lock", "");
  const auto status = Refused();
  EXPECT_EQ(CodeOf(status), ErrorCode::kUnsupportedVersion);
  EXPECT_THAT(status.message(), HasSubstr("newer Thalweg (layout 2, this one knows 1)"));
}

TEST_F(DataDirectoryTest, AVersionThatIsNotOursIsRefused) {
  for (const char* content : {"", "7.1\n", "thalweg data layout", "thalweg data layout x", "thalweg data layout 0",
                              "thalweg data layout -3", "thalweg data layout 99999999999999999999"}) {
    Write("version", content);
    EXPECT_EQ(CodeOf(Refused()), ErrorCode::kUnsupportedVersion) << content;
  }
}

TEST_F(DataDirectoryTest, FilesOfOthersAreLeftAlone) {
  Write("thesis.tex", "years of work");
  const auto status = Refused();
  EXPECT_EQ(CodeOf(status), ErrorCode::kUnsupportedVersion);
  EXPECT_THAT(status.message(), HasSubstr("thesis.tex"));
  EXPECT_THAT(status.message(), HasSubstr("--data"));
}

TEST_F(DataDirectoryTest, AFileWhereADirectoryShouldBeIsRefused) {
  Write("file", "text");
  const auto claimed = ClaimDataDirectory(fs_, root_ + "/file");
  EXPECT_FALSE(claimed.ok());
}

TEST(DataDirectoryCrashTest, AFirstStartThatWasCutOffCanBeRepeated) {
  using thalweg::testing::MemoryFileSystem;
  const uint64_t states = thalweg::testing::ForEachCrashState(
      {.seeds = 4}, [](MemoryFileSystem& disk) { (void)ClaimDataDirectory(disk, "d"); },
      [](MemoryFileSystem& disk, const thalweg::testing::CrashState& state) {
        const auto claimed = ClaimDataDirectory(disk, "d");
        ASSERT_TRUE(claimed.ok()) << state.ToString() << ": " << claimed.status();
        EXPECT_EQ(*io::ReadFile(disk, "d/version"), "thalweg data layout 1\n") << state.ToString();
      });
  EXPECT_GT(states, 10u);
}

}  // namespace
}  // namespace thalweg::app
