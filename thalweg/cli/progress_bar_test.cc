#include "thalweg/cli/progress_bar.h"

#include "gtest/gtest.h"
#include "thalweg/cli/text_table.h"

namespace thalweg::cli {
namespace {

TEST(ProgressBarTest, TellsRowsRateAndShare) {
  EXPECT_EQ(ProgressBar::Line("produced", 1500, 2, 0.5, 80),
            "produced 1,500 rows  750 rows/s  ███████████████░░░░░░░░░░░░░░░  50 %");
  EXPECT_EQ(ProgressBar::Line("consumed", 10, 0, -1, 80), "consumed 10 rows  0 rows/s");
}

TEST(ProgressBarTest, NeverExceedsTheTerminal) {
  for (size_t width = 0; width < 100; ++width) {
    EXPECT_LE(DisplayWidth(ProgressBar::Line("produced", 123'456'789, 3, 1.7, width)), width);
  }
}

}  // namespace
}  // namespace thalweg::cli
