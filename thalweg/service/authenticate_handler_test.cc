#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/security/plain_credentials.h"
#include "thalweg/service/api_table.h"
#include "thalweg/service/test_server_internal.h"
#include "thalweg/service/test_tables_internal.h"

namespace thalweg::service {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using wire::ApiKey;

std::string Token(const std::string& name, const std::string& password) {
  return std::string(1, '\0') + name + '\0' + password;
}

pb::AuthenticateRequest Request(const std::string& protocol, const std::string& token) {
  pb::AuthenticateRequest request;
  request.set_protocol(protocol);
  request.set_token(token);
  return request;
}

/// A server whose only listener asks for a password.
class AuthenticateTest : public ::testing::Test {
 protected:
  AuthenticateTest() {
    server_.endpoint.name = "CLIENT";
    server_.endpoint.credentials = std::make_shared<const security::PlainCredentials>(
        security::PlainCredentials::FromPairs("admin:admin-secret").ValueOrDie());
    client_ = server_.Connect();
  }

  arrow::Result<pb::AuthenticateResponse> Authenticate(const std::string& password,
                                                       const std::string& protocol = "PLAIN") {
    return client_->Call<pb::AuthenticateResponse>(ApiKey::kAuthenticate, Request(protocol, Token("admin", password)));
  }
  arrow::Status AskAnything() {
    return client_->Call<pb::ListDatabasesResponse>(ApiKey::kListDatabases, pb::ListDatabasesRequest()).status();
  }

  TestServer server_;
  std::unique_ptr<TestClient> client_;
};

TEST_F(AuthenticateTest, LetsInWhoKnowsThePasswordAndSendsNoChallenge) {
  const auto answer = Authenticate("admin-secret");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_FALSE(answer->has_challenge());
  EXPECT_TRUE(AskAnything().ok());
}

TEST_F(AuthenticateTest, BeforeThatOnlyVersionsMayBeAsked) {
  pb::ApiVersionsRequest versions;
  versions.set_client_software_name("test");
  versions.set_client_software_version("1");
  EXPECT_TRUE(client_->Call<pb::ApiVersionsResponse>(ApiKey::kApiVersions, versions).ok());
  for (const Api& api : ApiTable()) {
    if (api.key == ApiKey::kApiVersions || api.key == ApiKey::kAuthenticate) continue;
    const auto answer = client_->Call<pb::ListDatabasesResponse>(api.key, pb::ListDatabasesRequest());
    EXPECT_EQ(CodeOf(answer.status()), ErrorCode::kAuthenticate) << wire::ApiName(api.key);
  }
  EXPECT_THAT(AskAnything().message(), HasSubstr("client.security.protocol"));
}

TEST_F(AuthenticateTest, AWrongPasswordIsRefusedAndTheConnectionMayTryAgain) {
  const auto refused = Authenticate("sesame");
  EXPECT_EQ(CodeOf(refused.status()), ErrorCode::kAuthenticate);
  EXPECT_THAT(refused.status().message(), Not(HasSubstr("sesame")));
  EXPECT_EQ(CodeOf(AskAnything()), ErrorCode::kAuthenticate);
  EXPECT_TRUE(Authenticate("admin-secret").ok());
  EXPECT_TRUE(AskAnything().ok());
  for (const auto& report : server_.reports) EXPECT_THAT(report, Not(HasSubstr("sesame")));
}

TEST_F(AuthenticateTest, ASecondTimeChangesNothing) {
  ASSERT_TRUE(Authenticate("admin-secret").ok());
  EXPECT_TRUE(Authenticate("").ok()) << "as fluss-rust asks where it saw a challenge";
  EXPECT_TRUE(Authenticate("sesame").ok());
  EXPECT_TRUE(AskAnything().ok());
}

TEST_F(AuthenticateTest, TakesPlainInAnyCaseAndNothingElse) {
  const auto refused = Authenticate("admin-secret", "SCRAM-SHA-256");
  EXPECT_EQ(CodeOf(refused.status()), ErrorCode::kAuthenticate);
  EXPECT_THAT(refused.status().message(), HasSubstr("SCRAM-SHA-256"));
  EXPECT_TRUE(Authenticate("admin-secret", "plain").ok());
}

TEST_F(AuthenticateTest, RequestsSentRightBehindItAreServed) {
  const int32_t first = client_->Send(ApiKey::kAuthenticate, Request("PLAIN", Token("admin", "admin-secret")));
  const int32_t second = client_->Send(ApiKey::kListDatabases, pb::ListDatabasesRequest());
  EXPECT_TRUE(client_->Receive<pb::AuthenticateResponse>(first).ok());
  EXPECT_TRUE(client_->Receive<pb::ListDatabasesResponse>(second).ok());
}

TEST_F(AuthenticateTest, StrangersMayNotSendMuch) {
  client_->Send(ApiKey::kAuthenticate, Request("PLAIN", std::string(65 << 10, 'x')));
  EXPECT_TRUE(client_->WaitClosed(std::chrono::seconds(5)));
  client_ = server_.Connect();
  ASSERT_TRUE(Authenticate("admin-secret").ok());
  EXPECT_TRUE(
      client_->Call<pb::AuthenticateResponse>(ApiKey::kAuthenticate, Request("PLAIN", std::string(65 << 10, 'x')))
          .ok());
}

TEST_F(AuthenticateTest, AConnectionIsClosedAfterAFewWrongPasswords) {
  const int most = server_.services->limits.failed_logins_max;
  std::vector<int32_t> sent;
  // All at once: those behind the last one are not looked at.
  for (int i = 0; i < most; ++i) {
    sent.push_back(client_->Send(ApiKey::kAuthenticate, Request("PLAIN", Token("admin", "sesame"))));
  }
  const int32_t behind = client_->Send(ApiKey::kAuthenticate, Request("PLAIN", Token("admin", "admin-secret")));
  for (const int32_t id : sent) {
    EXPECT_EQ(CodeOf(client_->Receive<pb::AuthenticateResponse>(id).status()), ErrorCode::kAuthenticate);
  }
  EXPECT_TRUE(client_->WaitClosed(std::chrono::seconds(1)));
  EXPECT_FALSE(client_->Has(behind));
  EXPECT_EQ(server_.reports.size(), sent.size()) << "each is told, with the address";
  EXPECT_THAT(server_.reports.front(), HasSubstr("10.0.0.1"));
}

TEST_F(AuthenticateTest, AnAddressThatGuessesIsHeldOffOnAllItsConnections) {
  ErrorCode code = ErrorCode::kAuthenticate;
  int tried = 0;
  for (; tried < 1'000 && code == ErrorCode::kAuthenticate; ++tried) {
    client_ = server_.Connect();
    code = CodeOf(Authenticate("sesame").status());
  }
  EXPECT_EQ(code, ErrorCode::kRetriableAuthenticate);
  EXPECT_LT(tried, 30);
  EXPECT_THAT(server_.reports.back(), HasSubstr("held off"));
  client_ = server_.Connect();
  const auto held_off = Authenticate("admin-secret");
  EXPECT_EQ(CodeOf(held_off.status()), ErrorCode::kRetriableAuthenticate) << "right or wrong: it is not looked at";
  EXPECT_THAT(held_off.status().message(), HasSubstr("again in 1 s"));
  server_.sim.RunFor(std::chrono::seconds(1));
  EXPECT_TRUE(Authenticate("admin-secret").ok());
  const std::string metrics = server_.metrics.Expose();
  EXPECT_THAT(metrics, HasSubstr("thalweg_logins_total{outcome=\"held_off\"} 2"));
  EXPECT_THAT(metrics, HasSubstr("thalweg_logins_total{outcome=\"accepted\"} 1"));
}

TEST_F(AuthenticateTest, AConnectionThatNeverLogsInIsClosed) {
  ASSERT_TRUE(Authenticate("admin-secret").ok());
  const auto stranger = server_.Connect();
  EXPECT_TRUE(stranger->WaitClosed(std::chrono::seconds(75)));
  EXPECT_FALSE(client_->closed());
  EXPECT_TRUE(AskAnything().ok());
}

TEST_F(ServiceTest, AListenerWithoutPasswordsTakesPlaintextOnly) {
  const auto plain =
      client_->Call<pb::AuthenticateResponse>(ApiKey::kAuthenticate, Request("PLAIN", Token("admin", "sesame")));
  EXPECT_EQ(CodeOf(plain.status()), ErrorCode::kAuthenticate);
  EXPECT_THAT(plain.status().message(), HasSubstr("PLAINTEXT"));
  EXPECT_TRUE(client_->Call<pb::AuthenticateResponse>(ApiKey::kAuthenticate, Request("PLAINTEXT", "")).ok());
}

}  // namespace
}  // namespace thalweg::service
