#include "thalweg/log/open_files.h"

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "thalweg/testing/memory_file_system.h"

namespace thalweg::log {
namespace {

class OpenFilesTest : public ::testing::Test {
 protected:
  OpenFilesTest() {
    for (const char* path : {"a", "b", "c", "d"}) {
      EXPECT_TRUE(disk_.Open(path, {.mode = io::OpenOptions::Mode::kCreateNew}).ok());
    }
  }
  testing::MemoryFileSystem disk_;
  OpenFiles files_{disk_, 2};
};

TEST_F(OpenFilesTest, TheLeastRecentlyUsedIsClosed) {
  ASSERT_TRUE(files_.Get("a").ok());
  ASSERT_TRUE(files_.Get("b").ok());
  EXPECT_NE(files_.GetIfOpen("a"), nullptr);
  ASSERT_TRUE(files_.Get("c").ok());
  EXPECT_EQ(files_.size(), 2u);
  EXPECT_NE(files_.GetIfOpen("a"), nullptr);
  EXPECT_EQ(files_.GetIfOpen("b"), nullptr);
}

TEST_F(OpenFilesTest, AFileInUseIsNotClosed) {
  std::vector<std::shared_ptr<io::File>> held;
  for (const char* path : {"a", "b", "c"}) held.push_back(*files_.Get(path));
  EXPECT_EQ(files_.size(), 3u);
  EXPECT_EQ(files_.GetIfOpen("a"), held[0]);
  held.clear();
  ASSERT_TRUE(files_.Get("d").ok());
  EXPECT_EQ(files_.size(), 2u);
}

TEST_F(OpenFilesTest, AForgottenFileIsOpenedAnew) {
  const auto held = *files_.Get("a");
  files_.Forget("a");
  EXPECT_EQ(files_.GetIfOpen("a"), nullptr);
  EXPECT_NE(*files_.Get("a"), held);
  EXPECT_TRUE(held->Size().ok());
}

TEST_F(OpenFilesTest, MissingAndExistingFilesAreErrors) {
  EXPECT_FALSE(files_.Get("e").ok());
  EXPECT_FALSE(files_.Create("a").ok());
  EXPECT_TRUE(files_.Create("e").ok());
}

}  // namespace
}  // namespace thalweg::log
