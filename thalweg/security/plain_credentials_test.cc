#include "thalweg/security/plain_credentials.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"

namespace thalweg::security {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kModule = "org.apache.fluss.security.auth.sasl.plain.PlainLoginModule";

std::string Token(const std::string& name, const std::string& password, const std::string& authzid = "") {
  return authzid + '\0' + name + '\0' + password;
}

PlainCredentials Jaas(const std::string& users) {
  return PlainCredentials::FromJaas(std::string(kModule) + " required " + users + ";").ValueOrDie();
}

ErrorCode CheckCode(const PlainCredentials& credentials, const std::string& token) {
  return CodeOf(credentials.Check(token).status());
}

TEST(PlainCredentialsTest, ReadsFlussNotation) {
  const auto users = Jaas("user_admin=\"admin-secret\" user_fluss='a \"b\" c' user_o.k=word");
  EXPECT_EQ(users.count(), 3u);
  EXPECT_EQ(users.Check(Token("admin", "admin-secret"))->ToString(), "User:admin");
  EXPECT_TRUE(users.Check(Token("fluss", "a \"b\" c")).ok());
  EXPECT_TRUE(users.Check(Token("o.k", "word")).ok());
}

TEST(PlainCredentialsTest, ReadsEscapesCommentsAndCase) {
  const auto users =
      PlainCredentials::FromJaas(std::string("// who may come in\n") + kModule +
                                 " REQUIRED /* one */ username=\"x\" password=\"y\"\n user_a=\"q\\\"uote\" // two\n ;");
  ASSERT_TRUE(users.ok()) << users.status();
  EXPECT_EQ(users->count(), 1u);
  EXPECT_TRUE(users->Check(Token("a", "q\"uote")).ok());
}

TEST(PlainCredentialsTest, RefusesWhatIsNoEntryAndTellsNoPassword) {
  const std::string begin = std::string(kModule) + " required ";
  const std::vector<std::string> wrong = {"",
                                          "user_a=\"sesame\";",
                                          "other.Module required user_a=\"sesame\";",
                                          std::string(kModule) + " user_a=\"sesame\";",
                                          begin + "user_a=\"sesame\"",
                                          begin + "user_a=\"sesame;",
                                          begin + "user_a \"sesame\";",
                                          begin + "user_a=;",
                                          begin + "user_=\"sesame\";",
                                          begin + "user_a=\"\";",
                                          begin + "/* user_a=\"sesame\";",
                                          begin + "user_a=\"sesame\"; " + begin + "user_b=\"sesame\";"};
  for (const auto& text : wrong) {
    const auto made = PlainCredentials::FromJaas(text);
    EXPECT_EQ(CodeOf(made.status()), ErrorCode::kInvalidConfig) << text;
    EXPECT_THAT(made.status().message(), Not(HasSubstr("sesame"))) << text;
  }
}

TEST(PlainCredentialsTest, ReadsPairs) {
  const auto users = PlainCredentials::FromPairs("admin:admin-secret, bob:a:b").ValueOrDie();
  EXPECT_TRUE(users.Check(Token("admin", "admin-secret")).ok());
  EXPECT_TRUE(users.Check(Token("bob", "a:b")).ok());
  for (const char* text : {"sesame", ":sesame", "a:", "a:sesame,sesame"}) {
    const auto made = PlainCredentials::FromPairs(text);
    EXPECT_EQ(CodeOf(made.status()), ErrorCode::kInvalidConfig) << text;
    EXPECT_THAT(made.status().message(), Not(HasSubstr("sesame"))) << text;
  }
}

TEST(PlainCredentialsTest, AWrongPasswordAndAnUnknownUserLookTheSame) {
  const auto users = Jaas("user_admin=\"admin-secret\"");
  const auto wrong = users.Check(Token("admin", "sesame")).status();
  const auto unknown = users.Check(Token("nobody", "sesame")).status();
  EXPECT_EQ(CodeOf(wrong), ErrorCode::kAuthenticate);
  EXPECT_EQ(wrong.message(), unknown.message());
  EXPECT_THAT(wrong.message(), Not(HasSubstr("sesame")));
}

TEST(PlainCredentialsTest, ComparesThePasswordWhole) {
  const auto users = Jaas("user_a=\"abab\"");
  EXPECT_TRUE(users.Check(Token("a", "abab")).ok());
  for (const char* password : {"ab", "aba", "ababab", "abababab", "abaB", "b"}) {
    EXPECT_EQ(CheckCode(users, Token("a", password)), ErrorCode::kAuthenticate) << password;
  }
}

TEST(PlainCredentialsTest, NobodyIsLetInByThePasswordOfNobody) {
  EXPECT_EQ(CheckCode(Jaas("user_a=\"x\""), Token("b", "the password of a user who is not there")),
            ErrorCode::kAuthenticate);
}

TEST(PlainCredentialsTest, TheAuthorizationIdIsEmptyOrTheName) {
  const auto users = Jaas("user_a=\"x\" user_b=\"y\"");
  EXPECT_TRUE(users.Check(Token("a", "x", "a")).ok());
  EXPECT_EQ(CheckCode(users, Token("a", "x", "b")), ErrorCode::kAuthenticate);
}

TEST(PlainCredentialsTest, RefusesMalformedTokens) {
  const auto users = Jaas("user_a=\"x\"");
  const std::string nul(1, '\0');
  for (const std::string& token : {std::string(), nul, nul + nul, nul + "a" + nul, nul + nul + "x", "a" + nul + "x",
                                   nul + "a" + nul + "x" + nul, nul + nul + nul + nul + nul}) {
    EXPECT_EQ(CheckCode(users, token), ErrorCode::kAuthenticate) << token.size();
  }
}

}  // namespace
}  // namespace thalweg::security
