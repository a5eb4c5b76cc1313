#include "thalweg/base/nearest_name.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace thalweg {
namespace {

TEST(NearestNameTest, FindsWhatWasMeant) {
  const std::vector<std::string> names = {"--data", "--config", "--listen", "--flight", "--http", "--help"};
  EXPECT_EQ(NearestName("--liten", names), "--listen");
  EXPECT_EQ(NearestName("--lsiten", names), "--listen");
  EXPECT_EQ(NearestName("--conf", names), "--config");
  EXPECT_EQ(NearestName("--date", names), "--data");
  EXPECT_EQ(NearestName("--https", names), "--http");
  EXPECT_EQ(NearestName("--listen", names), "--listen");
}

TEST(NearestNameTest, SaysNothingWhereNothingIsNear) {
  const std::vector<std::string> names = {"serve"};
  EXPECT_EQ(NearestName("completely-else", names), "");
  EXPECT_EQ(NearestName("--listen", {}), "");
}

}  // namespace
}  // namespace thalweg
