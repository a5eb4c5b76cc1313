#include "thalweg/log/writer_state.h"

#include <cstdint>
#include <limits>
#include <string>

#include "gtest/gtest.h"
#include "thalweg/base/error.h"

namespace thalweg::log {
namespace {

constexpr WriterId kWriter{7};

class WriterStateTest : public ::testing::Test {
 protected:
  /// Appends `sequence` as a batch of two records at the end.
  void Append(int32_t sequence, int64_t timestamp_ms = 1000, WriterId writer = kWriter) {
    ASSERT_TRUE(Appends(sequence, writer)) << sequence;
    state_.Append(writer, sequence, end_, end_ + 1, timestamp_ms);
    end_ = end_ + 2;
  }
  bool Appends(int32_t sequence, WriterId writer = kWriter) const {
    auto verdict = state_.Check(writer, sequence);
    return verdict.ok() && !verdict->duplicate;
  }
  ErrorCode Refusal(int32_t sequence, WriterId writer = kWriter) const {
    return CodeOf(state_.Check(writer, sequence).status());
  }

  WriterState state_;
  LogOffset end_;
};

TEST_F(WriterStateTest, AnUnknownWriterStartsAtZero) {
  EXPECT_TRUE(Appends(0));
  EXPECT_EQ(Refusal(1), ErrorCode::kOutOfOrderSequence);
  EXPECT_EQ(Refusal(-1), ErrorCode::kOutOfOrderSequence);
}

TEST_F(WriterStateTest, BatchesWithoutAWriterAreNotLookedAt) {
  EXPECT_TRUE(Appends(-1, kNoWriter));
  state_.Append(kNoWriter, -1, end_, end_, 0);
  EXPECT_EQ(state_.writer_count(), 0u);
}

TEST_F(WriterStateTest, TheLastFiveAreKnownAgain) {
  for (int32_t sequence = 0; sequence < 7; ++sequence) Append(sequence);
  for (int32_t sequence = 2; sequence < 7; ++sequence) {
    auto verdict = state_.Check(kWriter, sequence);
    ASSERT_TRUE(verdict.ok() && verdict->duplicate) << sequence;
    EXPECT_EQ(verdict->base_offset, LogOffset(2 * sequence));
    EXPECT_EQ(verdict->last_offset, LogOffset(2 * sequence + 1));
  }
  EXPECT_EQ(Refusal(1), ErrorCode::kOutOfOrderSequence);
  EXPECT_EQ(Refusal(8), ErrorCode::kOutOfOrderSequence);
  EXPECT_TRUE(Appends(7));
}

TEST_F(WriterStateTest, ZeroFollowsTheLargestSequence) {
  constexpr int32_t kMax = std::numeric_limits<int32_t>::max();
  state_.Append(kWriter, kMax - 1, LogOffset(0), LogOffset(0), 0);
  EXPECT_TRUE(Appends(kMax));
  EXPECT_EQ(Refusal(0), ErrorCode::kOutOfOrderSequence);
  state_.Append(kWriter, kMax, LogOffset(1), LogOffset(1), 0);
  EXPECT_TRUE(Appends(0));
  state_.Append(kWriter, 0, LogOffset(2), LogOffset(2), 0);
  EXPECT_TRUE(state_.Check(kWriter, kMax)->duplicate);
  EXPECT_TRUE(Appends(1));
}

TEST_F(WriterStateTest, RollbackTakesBackTheNewest) {
  for (int32_t sequence = 0; sequence < 8; ++sequence) Append(sequence);
  state_.Rollback(LogOffset(10));  // 5, 6 and 7 failed
  EXPECT_TRUE(Appends(5));
  EXPECT_TRUE(state_.Check(kWriter, 4)->duplicate);
  EXPECT_EQ(Refusal(6), ErrorCode::kOutOfOrderSequence);
}

TEST_F(WriterStateTest, RollbackOfAllThatIsRememberedGoesOnFromTheOneBefore) {
  for (int32_t sequence = 0; sequence < 8; ++sequence) Append(sequence);
  state_.Rollback(LogOffset(6));
  EXPECT_TRUE(Appends(3));
  EXPECT_EQ(Refusal(0), ErrorCode::kOutOfOrderSequence);
}

TEST_F(WriterStateTest, RollbackToNothingForgetsThatTheWriterWas) {
  Append(0);
  Append(1);
  state_.Rollback(LogOffset(0));
  EXPECT_EQ(state_.writer_count(), 0u);
  EXPECT_EQ(Refusal(1), ErrorCode::kOutOfOrderSequence);
  EXPECT_TRUE(Appends(0));
}

TEST_F(WriterStateTest, AnIdleWriterIsForgottenAndMayGoOn) {
  state_ = WriterState({.expire_after_ms = 10'000'000});
  Append(0, 1);
  Append(1, 1);
  Append(0, 9'000'000, WriterId(8));
  EXPECT_EQ(state_.writer_count(), 2u);
  Append(1, 14'000'000, WriterId(8));
  EXPECT_EQ(state_.writer_count(), 1u);
  EXPECT_TRUE(Appends(17));
  EXPECT_TRUE(Appends(0));
  Append(17, 14'000'000);
  EXPECT_EQ(Refusal(19), ErrorCode::kOutOfOrderSequence);
  state_.Rollback(end_ + -2);  // and is then as forgotten as it was
  EXPECT_TRUE(Appends(23));
}

TEST_F(WriterStateTest, TheOldestAreForgottenBeyondTheBound) {
  state_ = WriterState({.writers_max = 100});
  for (int64_t writer = 0; writer < 101; ++writer) Append(0, 1000, WriterId(writer));
  EXPECT_LE(state_.writer_count(), 100u);
  EXPECT_GE(state_.writer_count(), 90u);
  EXPECT_TRUE(state_.Check(WriterId(100), 0)->duplicate);
  EXPECT_FALSE(state_.Check(WriterId(0), 0)->duplicate);
  EXPECT_TRUE(Appends(5, WriterId(0)));
}

TEST_F(WriterStateTest, ListsTheLastBatchOfEach) {
  EXPECT_TRUE(state_.List().empty());
  for (int32_t sequence = 0; sequence < 7; ++sequence) Append(sequence, 1000 + sequence, WriterId(4));
  Append(0, 2000, WriterId(2));
  auto known = state_.List();
  ASSERT_EQ(known.size(), 2u);
  EXPECT_EQ(known[0].writer, WriterId(2));
  EXPECT_EQ(known[0].last_sequence, 0);
  EXPECT_EQ(known[0].last_offset, end_ + -1);
  EXPECT_EQ(known[0].last_timestamp_ms, 2000);
  EXPECT_EQ(known[1].writer, WriterId(4));
  EXPECT_EQ(known[1].last_sequence, 6);
  state_.Rollback(LogOffset(0));
  known = state_.List();
  ASSERT_EQ(known.size(), 1u) << "nothing is left of the one that had sent little";
  EXPECT_EQ(known[0].last_sequence, 1) << "of the batch before those that were remembered";
  EXPECT_EQ(known[0].last_offset, std::nullopt);
}

TEST_F(WriterStateTest, TheImageAnswersAsTheOriginal) {
  state_ = WriterState({.writers_max = 10});
  for (int64_t writer = 0; writer < 14; ++writer) {
    for (int32_t sequence = 0; sequence <= writer; ++sequence) Append(sequence, 1000, WriterId(writer));
  }
  auto copy = WriterState::Parse(state_.Serialize(), {.writers_max = 10});
  ASSERT_TRUE(copy.ok()) << copy.status();
  for (int64_t writer = 0; writer < 16; ++writer) {
    for (int32_t sequence = -1; sequence < 17; ++sequence) {
      auto expected = state_.Check(WriterId(writer), sequence);
      auto got = copy->Check(WriterId(writer), sequence);
      ASSERT_EQ(expected.ok(), got.ok()) << writer << " " << sequence;
      if (!expected.ok()) continue;
      EXPECT_EQ(expected->duplicate, got->duplicate);
      EXPECT_EQ(expected->base_offset, got->base_offset);
      EXPECT_EQ(expected->last_offset, got->last_offset);
    }
  }
}

TEST_F(WriterStateTest, ADamagedImageIsRefused) {
  for (int32_t sequence = 0; sequence < 3; ++sequence) Append(sequence);
  const std::string image = state_.Serialize();
  for (size_t size = 0; size < image.size(); ++size) {
    EXPECT_EQ(CodeOf(WriterState::Parse(image.substr(0, size)).status()), ErrorCode::kLogStorage) << size;
  }
  for (size_t at = 0; at < image.size(); ++at) {
    std::string flipped = image;
    flipped[at] ^= 0x10;
    EXPECT_EQ(CodeOf(WriterState::Parse(flipped).status()), ErrorCode::kLogStorage) << at;
  }
}

}  // namespace
}  // namespace thalweg::log
