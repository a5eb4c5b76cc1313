#include "thalweg/testing/crash_points.h"

#include <string>

#include "gtest/gtest.h"
#include "thalweg/io/file_system.h"

namespace thalweg::testing {
namespace {

/// Replaces `d/v` by "0", "1", "2"; `acknowledged` is the last one that said it was durable.
template <typename Replace>
uint64_t CountLies(Replace replace, uint64_t* states = nullptr) {
  int acknowledged = -1;
  uint64_t lies = 0;
  const uint64_t count = ForEachCrashState(
      {.seeds = 8},
      [&](MemoryFileSystem& disk) {
        acknowledged = -1;
        disk.CreateDurableDirectories("d");
        for (int i = 0; i < 3; ++i) {
          if (!replace(disk, std::to_string(i)).ok()) return;
          acknowledged = i;
        }
      },
      [&](MemoryFileSystem& disk, const CrashState& state) {
        const auto content = io::ReadFile(disk, "d/v");
        const bool legal =
            content.ok() ? (*content == std::to_string(acknowledged) || *content == std::to_string(acknowledged + 1))
                         : acknowledged < 0;
        if (!legal) ++lies;
      });
  if (states) *states = count;
  return lies;
}

TEST(CrashPointsTest, ReplaceFileIsAtomicAndDurable) {
  uint64_t states = 0;
  EXPECT_EQ(CountLies([](auto& disk, const std::string& text) { return io::ReplaceFile(disk, "d/v", AsBytes(text)); },
                      &states),
            0u);
  // Three times create, write, sync, rename, sync the folder; each cut off once, and the uncut run; 2 + 3 × 8 states
  // each.
  EXPECT_EQ(states, (3 * 5 + 1) * (2 + 3 * 8));
}

/// ReplaceFile with one of its steps left out.
arrow::Status ReplaceCarelessly(io::FileSystem& disk, const std::string& text, bool sync_file, bool sync_folder) {
  {
    ARROW_ASSIGN_OR_RAISE(const auto file, disk.Open("d/v.tmp", {.mode = io::OpenOptions::Mode::kTruncate}));
    const ByteView piece = AsBytes(text);
    ARROW_RETURN_NOT_OK(file->WriteAt(0, {&piece, 1}));
    if (sync_file) ARROW_RETURN_NOT_OK(file->Sync());
  }
  ARROW_RETURN_NOT_OK(disk.Rename("d/v.tmp", "d/v"));
  return sync_folder ? disk.SyncDirectory("d") : arrow::Status::OK();
}

TEST(CrashPointsTest, AMissingSyncIsFound) {
  EXPECT_EQ(CountLies([](auto& disk, const std::string& text) { return ReplaceCarelessly(disk, text, true, true); }),
            0u);
  EXPECT_GT(CountLies([](auto& disk, const std::string& text) { return ReplaceCarelessly(disk, text, false, true); }),
            0u);
  EXPECT_GT(CountLies([](auto& disk, const std::string& text) { return ReplaceCarelessly(disk, text, true, false); }),
            0u);
}

TEST(CrashPointsTest, AStateDescribesItself) {
  const CrashState state{17, PowerLoss::kTorn, 35, "operation 18: sync d/v"};
  EXPECT_EQ(state.ToString(), "crash after 17 operations, torn, seed 35 (in flight: operation 18: sync d/v)");
}

}  // namespace
}  // namespace thalweg::testing
