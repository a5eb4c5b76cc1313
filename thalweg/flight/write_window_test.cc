#include "thalweg/flight/write_window.h"

#include <chrono>
#include <future>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/runtime/completion.h"
#include "thalweg/runtime/shards.h"

namespace thalweg::flight {
namespace {

using ::testing::ElementsAre;
using Answer = arrow::Result<query::WriteAnswer>;

/// A write that ends when the test says so.
class HeldWrite final : public query::Writing {
 public:
  explicit HeldWrite(std::shared_ptr<runtime::Completion<Answer>> end) : end_(std::move(end)) {}
  runtime::Task<Answer> Wait(runtime::Executor& home) override {
    auto answer = co_await end_->Wait(home);
    co_return answer;
  }

 private:
  const std::shared_ptr<runtime::Completion<Answer>> end_;
};

class WriteWindowTest : public ::testing::Test {
 protected:
  ~WriteWindowTest() override { shards_->Stop(); }

  /// Starts a write; how to end it stands in ends_.
  arrow::Status Add(int64_t bytes = 1) {
    return window_->Add(bytes, [&]() -> arrow::Result<std::unique_ptr<query::Writing>> {
      ends_.push_back(std::make_shared<runtime::Completion<Answer>>());
      return std::make_unique<HeldWrite>(ends_.back());
    });
  }
  void End(size_t index, Answer answer) { ends_[index]->Set(std::move(answer)); }
  static query::WriteAnswer Rows(int64_t rows) { return {.buckets = {}, .token = {}, .rows = rows}; }
  static arrow::Status Full() { return Error(ErrorCode::kDiskWriteLocked, "The device is full."); }

  std::unique_ptr<runtime::Shards> shards_ = runtime::Shards::Start(1);
  std::vector<int64_t> told_;
  std::vector<std::shared_ptr<runtime::Completion<Answer>>> ends_;
  std::unique_ptr<WriteWindow> window_ = std::make_unique<WriteWindow>(
      shards_->at(0), [this](const query::WriteAnswer& answer) { told_.push_back(answer.rows); });
};

TEST_F(WriteWindowTest, SeveralAreUnderWayAndAnsweredForInOrder) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Add().ok());
  End(2, Rows(3));
  End(1, Rows(2));
  End(0, Rows(1));
  EXPECT_TRUE(window_->Finish().ok());
  EXPECT_THAT(told_, ElementsAre(1, 2, 3));
}

TEST_F(WriteWindowTest, TheirNumberIsBounded) {
  for (size_t i = 0; i < WriteWindow::kBatchesMax; ++i) ASSERT_TRUE(Add().ok());
  auto next = std::async(std::launch::async, [&] { return Add(); });
  EXPECT_EQ(next.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  End(0, Rows(1));
  EXPECT_TRUE(next.get().ok());
  for (size_t i = 1; i <= WriteWindow::kBatchesMax; ++i) End(i, Rows(1));
  EXPECT_TRUE(window_->Finish().ok());
  EXPECT_EQ(told_.size(), WriteWindow::kBatchesMax + 1);
}

TEST_F(WriteWindowTest, TheirBytesAreBoundedButForTheFirst) {
  ASSERT_TRUE(Add(2 * WriteWindow::kBytesMax).ok());
  auto next = std::async(std::launch::async, [&] { return Add(1); });
  EXPECT_EQ(next.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  End(0, Rows(1));
  EXPECT_TRUE(next.get().ok());
  End(1, Rows(1));
  EXPECT_TRUE(window_->Finish().ok());
}

TEST_F(WriteWindowTest, AFailureTellsWhatIsStored) {
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(Add().ok());
  End(0, Rows(5));
  End(1, Full());
  End(3, Rows(7));
  End(2, Full());
  const auto status = window_->Finish();
  EXPECT_EQ(CodeOf(status), ErrorCode::kDiskWriteLocked);
  EXPECT_EQ(status.message(),
            "The device is full. Of this stream the first 1 batches (5 rows) are stored, and 7 rows of later ones.");
  EXPECT_THAT(told_, ElementsAre(5));
  EXPECT_EQ(Add().message(), status.message());
  EXPECT_EQ(ends_.size(), 4u);
}

TEST_F(WriteWindowTest, WhatCannotStartWaitsForTheOthers) {
  ASSERT_TRUE(Add().ok());
  auto refused = std::async(std::launch::async, [&] {
    return window_->Add(1, [] { return Error(ErrorCode::kInvalidTable, "There is no column x."); });
  });
  EXPECT_EQ(refused.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  End(0, Rows(5));
  EXPECT_EQ(refused.get().message(), "There is no column x. Of this stream the first 1 batches (5 rows) are stored.");
  EXPECT_THAT(told_, ElementsAre(5));
}

TEST_F(WriteWindowTest, TheFirstBatchFailsInItsOwnWords) {
  ASSERT_TRUE(Add().ok());
  End(0, Full());
  EXPECT_EQ(window_->Finish().message(), "The device is full.");
}

}  // namespace
}  // namespace thalweg::flight
