#include "thalweg/base/error.h"

#include <gtest/gtest.h>

namespace thalweg {
namespace {

TEST(Error, CarriesItsCodeAndMessage) {
  const arrow::Status status = Error(ErrorCode::kTableNotExist, "Table {} does not exist.", "db.t");
  EXPECT_EQ(CodeOf(status), ErrorCode::kTableNotExist);
  EXPECT_EQ(status.message(), "Table db.t does not exist.");
  EXPECT_EQ(ErrorName(CodeOf(status)), "TABLE_NOT_EXIST");
}

TEST(Error, OkIsNoneAndForeignFailuresAreUnknown) {
  EXPECT_EQ(CodeOf(arrow::Status::OK()), ErrorCode::kNone);
  EXPECT_EQ(CodeOf(arrow::Status::IOError("x")), ErrorCode::kUnknownServerError);
}

TEST(Error, RetriableFollowsTheTable) {
  EXPECT_TRUE(IsRetriable(ErrorCode::kNotLeaderOrFollower));
  EXPECT_FALSE(IsRetriable(ErrorCode::kTableNotExist));
}

}  // namespace
}  // namespace thalweg
