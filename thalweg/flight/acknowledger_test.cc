#include "thalweg/flight/acknowledger.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <vector>

#include "thalweg/runtime/threads.h"

namespace thalweg::flight {
namespace {

TEST(AcknowledgerTest, AllAreSentInOrderWhileTheNextOnesCome) {
  runtime::BlockingPool pool(2);
  std::promise<void> open;
  const auto opened = open.get_future().share();
  std::vector<std::string> sent;
  Acknowledger acknowledger(pool, [&](const std::string& message) {
    opened.wait();
    sent.push_back(message);
    return arrow::Status::OK();
  });
  for (int i = 0; i < 5'000; ++i) {
    ASSERT_TRUE(acknowledger.AwaitRoom().ok());
    acknowledger.Add(std::to_string(i));
  }
  open.set_value();
  ASSERT_TRUE(acknowledger.Finish().ok());
  ASSERT_EQ(sent.size(), 5'000);
  for (int i = 0; i < 5'000; ++i) EXPECT_EQ(sent[static_cast<size_t>(i)], std::to_string(i));
}

TEST(AcknowledgerTest, TheFirstFailureEndsIt) {
  runtime::BlockingPool pool(1);
  std::atomic<int> calls = 0;
  Acknowledger acknowledger(pool, [&](const std::string&) {
    ++calls;
    return arrow::Status::IOError("the client is gone");
  });
  acknowledger.Add("one");
  EXPECT_TRUE(acknowledger.Finish().IsIOError());
  EXPECT_TRUE(acknowledger.AwaitRoom().IsIOError());
  acknowledger.Add("two");
  EXPECT_TRUE(acknowledger.Finish().IsIOError());
  EXPECT_EQ(calls, 1);
}

TEST(AcknowledgerTest, TooManyWaitForRoom) {
  runtime::BlockingPool pool(1);
  std::promise<void> open;
  const auto opened = open.get_future().share();
  Acknowledger acknowledger(pool, [&](const std::string&) {
    opened.wait();
    return arrow::Status::OK();
  });
  acknowledger.Add(std::string(Acknowledger::kWaitingBytesMax, 'x'));
  acknowledger.Add("y");  // of a write that was under way
  auto next = std::async(std::launch::async, [&] { return acknowledger.AwaitRoom(); });
  EXPECT_EQ(next.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  open.set_value();
  EXPECT_TRUE(next.get().ok());
  EXPECT_TRUE(acknowledger.Finish().ok());
}

}  // namespace
}  // namespace thalweg::flight
