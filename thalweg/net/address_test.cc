#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "thalweg/base/error.h"
#include "thalweg/net/listener.h"

namespace thalweg::net {
namespace {

TEST(Address, ParsesWhatItPrints) {
  for (const char* text : {"127.0.0.1:9123", "[::1]:9123", "localhost:0", "db.example.org:65535"}) {
    const auto address = Address::Parse(text);
    ASSERT_TRUE(address.ok()) << address.status();
    EXPECT_EQ(address->ToString(), text);
  }
  EXPECT_EQ(Address::Parse("[::1]:9123")->host, "::1");
}

TEST(Address, TheNetworkOfAHostIsWhatOneClientHasToItself) {
  EXPECT_EQ(NetworkOf("10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(NetworkOf("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(NetworkOf("2001:db8:1:2::9"), NetworkOf("2001:db8:1:2:ffff::"));
  EXPECT_EQ(NetworkOf("fe80::1%eth0"), "fe80::/64");
  EXPECT_EQ(NetworkOf("memory"), "memory");
}

TEST(Address, SaysWhatIsWrong) {
  const auto why = [](const char* text) {
    const auto status = Address::Parse(text).status();
    EXPECT_EQ(CodeOf(status), ErrorCode::kInvalidConfig) << text;
    return status.message();
  };
  using ::testing::HasSubstr;
  EXPECT_THAT(why("localhost"), HasSubstr("port is missing"));
  EXPECT_THAT(why(":9123"), HasSubstr("host is missing"));
  EXPECT_THAT(why("[]:9123"), HasSubstr("host is missing"));
  EXPECT_THAT(why("::1:9123"), HasSubstr("in brackets"));
  EXPECT_THAT(why("[::1:9123"), HasSubstr("do not match"));
  for (const char* text : {"a:", "a:x", "a:65536", "a:-1", "a:1 ", "a: 1"})
    EXPECT_THAT(why(text), HasSubstr("not a number"));
}

}  // namespace
}  // namespace thalweg::net
