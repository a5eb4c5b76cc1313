#include "thalweg/app/listener_options.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"

namespace thalweg::app {
namespace {

using ::testing::HasSubstr;

ListenerSettings Settings(const char* bind, const char* advertised = nullptr) {
  ListenerSettings settings;
  if (bind) settings.bind = ParseListeners(bind).ValueOrDie();
  if (advertised) settings.advertised = ParseListeners(advertised).ValueOrDie();
  return settings;
}

std::string WhyNot(const ListenerSettings& settings, const std::string& listen = "") {
  const auto made = MakeListeners(settings, listen);
  EXPECT_EQ(CodeOf(made.status()), ErrorCode::kInvalidConfig);
  return made.status().message();
}

TEST(ListenerOptionsTest, WithoutSettingsThereIsOneOnLoopback) {
  const auto made = MakeListeners({}, "").ValueOrDie();
  ASSERT_EQ(made.size(), 1u);
  EXPECT_EQ(made[0].name, "FLUSS");
  EXPECT_EQ(made[0].bind.ToString(), "127.0.0.1:9123");
  EXPECT_FALSE(made[0].advertised);
}

TEST(ListenerOptionsTest, ReadsSeveralAndWhatTheyAdvertise) {
  const auto made =
      MakeListeners(Settings("INTERNAL://127.0.0.1:0, CLIENT://[::]:9124", "CLIENT://db.example.org:443"), "")
          .ValueOrDie();
  ASSERT_EQ(made.size(), 2u);
  EXPECT_EQ(made[0].bind.ToString(), "127.0.0.1:0");
  EXPECT_FALSE(made[0].advertised);
  EXPECT_EQ(made[1].bind.ToString(), "[::]:9124");
  EXPECT_EQ(made[1].advertised->ToString(), "db.example.org:443");
}

TEST(ListenerOptionsTest, TheCommandLineMovesTheOnlyListenerAndKeepsItsName) {
  const auto made = MakeListeners(Settings("CLIENT://127.0.0.1:1"), "127.0.0.1:2").ValueOrDie();
  ASSERT_EQ(made.size(), 1u);
  EXPECT_EQ(made[0].name, "CLIENT");
  EXPECT_EQ(made[0].bind.port, 2);
}

TEST(ListenerOptionsTest, TheCommandLineNamesTheOnesItReplacesWhereThereAreSeveral) {
  const auto settings = Settings("A://127.0.0.1:1, B://127.0.0.1:2", "B://far:2");
  EXPECT_THAT(WhyNot(settings, "127.0.0.1:3"), HasSubstr("such as A://127.0.0.1:3"));
  const auto made = MakeListeners(settings, "A://127.0.0.1:3").ValueOrDie();
  ASSERT_EQ(made.size(), 1u);
  EXPECT_EQ(made[0].bind.port, 3);
}

TEST(ListenerOptionsTest, RefusesWhatDoesNotFitTogether) {
  EXPECT_THAT(WhyNot(Settings("A://h:1, B://h:1")), HasSubstr("port 1"));
  EXPECT_THAT(WhyNot(Settings("A://h:1", "B://h:1")), HasSubstr("no listener is called B; there is A"));
  EXPECT_THAT(WhyNot(Settings(nullptr, "FLUSS://h:0")), HasSubstr("port 0"));
  EXPECT_THAT(WhyNot({}, "nonsense"), HasSubstr("--listen"));
  EXPECT_TRUE(MakeListeners(Settings("A://h:0, B://h:0"), "").ok());
}

TEST(ListenerOptionsTest, RefusesWhatIsNoListener) {
  for (const char* text : {"", " , ", "h:1", "://h:1", "A://h", "A://:1", "A://h:1, A://h:2"}) {
    EXPECT_EQ(CodeOf(ParseListeners(text).status()), ErrorCode::kInvalidConfig) << text;
  }
}

ListenerSettings SaslSettings(const char* bind, const char* protocols) {
  auto settings = Settings(bind);
  settings.sasl = ParseProtocols(protocols).ValueOrDie();
  settings.credentials =
      std::make_shared<const security::PlainCredentials>(security::PlainCredentials::FromPairs("a:b").ValueOrDie());
  return settings;
}

TEST(ListenerOptionsTest, OnlyTheListenersThatAreNamedAskForAPassword) {
  const auto made = MakeListeners(SaslSettings("A://h:1, B://h:2, C://h:3", "B:sasl, C:PLAINTEXT"), "").ValueOrDie();
  EXPECT_FALSE(made[0].credentials);
  EXPECT_TRUE(made[1].credentials);
  EXPECT_FALSE(made[2].credentials);
}

TEST(ListenerOptionsTest, AListenersOwnUsersGoBeforeThoseOfAll) {
  auto settings = SaslSettings("A://h:1, B://h:2", "A:SASL, B:SASL");
  const auto own = std::make_shared<const security::PlainCredentials>();
  settings.credentials_of["b"] = own;
  const auto made = MakeListeners(settings, "").ValueOrDie();
  EXPECT_EQ(made[0].credentials, settings.credentials);
  EXPECT_EQ(made[1].credentials, own);
}

TEST(ListenerOptionsTest, NoMistakeLeavesAListenerOpen) {
  EXPECT_THAT(WhyNot(SaslSettings("A://h:1", "a:SASL")), HasSubstr("no listener is called a; there is A"));
  EXPECT_THAT(WhyNot(SaslSettings(nullptr, "CLIENT:SASL"), "h:1"), HasSubstr("no listener is called CLIENT"));
  EXPECT_THAT(WhyNot(SaslSettings("A://h:1, B://h:2", "B:SASL"), "C://h:1"), HasSubstr("no listener C"));
  auto settings = SaslSettings("A://h:1", "A:SASL");
  EXPECT_TRUE(MakeListeners(settings, "h:7")->front().credentials) << "moved, it still asks";
  settings.credentials.reset();
  EXPECT_THAT(WhyNot(settings), HasSubstr("security.sasl.plain.jaas.config"));
  settings = SaslSettings("A://h:1", "A:SASL");
  settings.plain_enabled = false;
  EXPECT_THAT(WhyNot(settings), HasSubstr("security.sasl.enabled.mechanisms"));
  settings = Settings("A://h:1");
  settings.credentials_of["b"] = nullptr;
  EXPECT_THAT(WhyNot(settings), HasSubstr("listener.name.b"));
}

TEST(ListenerOptionsTest, RefusesProtocolsAndMechanismsThatAreNone) {
  for (const char* text : {"A", "A:", "A:TLS", "A:SASL:x", "A:SASL, A:PLAINTEXT"}) {
    EXPECT_EQ(CodeOf(ParseProtocols(text).status()), ErrorCode::kInvalidConfig) << text;
  }
  EXPECT_FALSE(ParseMechanisms("PLAIN, SCRAM-SHA-256").ok());
  EXPECT_TRUE(*ParseMechanisms("plain"));
  EXPECT_FALSE(*ParseMechanisms(""));
}

std::shared_ptr<const security::PlainCredentials> Users(const char* pairs) {
  return std::make_shared<const security::PlainCredentials>(security::PlainCredentials::FromPairs(pairs).ValueOrDie());
}

flight::LoginPolicy FlightLogins(const ListenerSettings& settings) {
  return MakeFlightLogins(settings, MakeListeners(settings, "").ValueOrDie()).ValueOrDie();
}

TEST(ListenerOptionsTest, FlightLetsInWhomTheOthersDo) {
  auto settings = Settings("A://127.0.0.1:1, B://127.0.0.1:2");
  EXPECT_TRUE(FlightLogins(settings).anonymous);
  EXPECT_EQ(FlightLogins(settings).credentials, nullptr);

  settings.credentials = Users("alice:secret");
  settings.sasl = {{"A", true}};
  EXPECT_TRUE(FlightLogins(settings).anonymous) << "B is open";
  EXPECT_EQ(FlightLogins(settings).credentials, settings.credentials);

  settings.sasl = {{"A", true}, {"B", true}};
  EXPECT_FALSE(FlightLogins(settings).anonymous);
}

TEST(ListenerOptionsTest, FlightDoesAsItIsTold) {
  auto settings = Settings("A://127.0.0.1:1");
  settings.sasl = {{"FLIGHT", true}};
  EXPECT_EQ(CodeOf(MakeFlightLogins(settings, MakeListeners(settings, "").ValueOrDie()).status()),
            ErrorCode::kInvalidConfig)
      << "nobody could log in";
  settings.credentials = Users("alice:secret");
  settings.credentials_of = {{"flight", Users("bob:secret")}};
  EXPECT_FALSE(FlightLogins(settings).anonymous);
  EXPECT_EQ(FlightLogins(settings).credentials, settings.credentials_of.at("flight"));
  settings.sasl = {{"A", true}, {"FLIGHT", false}};
  EXPECT_TRUE(FlightLogins(settings).anonymous);
}

TEST(ListenerOptionsTest, NoOtherListenerIsCalledFlight) {
  EXPECT_THAT(ParseListeners("FLIGHT://127.0.0.1:1").status().message(), HasSubstr("thalweg.flight.listener"));
}

}  // namespace
}  // namespace thalweg::app
