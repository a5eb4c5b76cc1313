#include "thalweg/app/serve_options.h"

#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"

namespace thalweg::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(ApplyConfigTest, SetsEveryOptionThatThereIs) {
  ServeOptions options;
  ASSERT_TRUE(ApplyConfig("bind.listeners: INTERNAL://127.0.0.1:0, CLIENT://[::1]:9124\n"
                          "advertised.listeners: CLIENT://db.example.org:443\n"
                          "netty.connection.max-idle-time: 30s\n"
                          "netty.server.max-request-size: 8mb\n"
                          "default.bucket.number: 7\n"
                          "default.replication.factor: 1\n"
                          "max.bucket.num: 9\n"
                          "max.partition.num: 11\n"
                          "data.dir: /srv/thalweg\n"
                          "log.segment.file-size: 64mb\n"
                          "thalweg.durability: page-cache\n"
                          "thalweg.journal.size: 256mb  # small\n"
                          "thalweg.disk.reserve: 8mb\n"
                          "thalweg.memory.budget: 512mb\n"
                          "thalweg.sql.memory: 64mb\n"
                          "thalweg.sql.timeout: 30s\n"
                          "thalweg.shards: 3\n",
                          options)
                  .ok());
  EXPECT_EQ(options.listener_settings.bind.size(), 2u);
  EXPECT_EQ(options.listener_settings.advertised.size(), 1u);
  EXPECT_EQ(options.limits.idle_ms_max, 30'000);
  EXPECT_EQ(options.limits.frame_bytes_max, 8 << 20);
  EXPECT_EQ(options.catalog.rules.bucket_count_default, 7);
  EXPECT_EQ(options.catalog.rules.bucket_count_max, 9);
  EXPECT_EQ(options.catalog.partition_count_max, 11);
  EXPECT_EQ(options.data_directory, "/srv/thalweg");
  EXPECT_THAT(options.warnings, IsEmpty());
  EXPECT_EQ(options.segment_bytes, 64u << 20);
  EXPECT_EQ(options.durability, journal::Durability::kPageCache);
  EXPECT_EQ(options.journal_bytes, 256u << 20);
  EXPECT_EQ(options.disk_reserve_bytes, 8u << 20);
  EXPECT_EQ(options.memory_budget, 512u << 20);
  EXPECT_EQ(options.sql_memory_bytes, 64u << 20);
  EXPECT_EQ(options.sql_time_max, std::chrono::seconds(30));
  EXPECT_EQ(options.shards, 3u);
}

TEST(ApplyConfigTest, AnEmptyFileChangesNothing) {
  ServeOptions options;
  ASSERT_TRUE(ApplyConfig("", options).ok());
  ASSERT_TRUE(ApplyConfig("# nothing\n", options).ok());
  EXPECT_EQ(options.durability, journal::Durability::kSynced);
  ASSERT_TRUE(FinishOptions("", options).ok());
  ASSERT_EQ(options.listeners.size(), 1u);
  EXPECT_EQ(options.listeners[0].bind.ToString(), "127.0.0.1:9123");
}

TEST(ApplyConfigTest, NamesTheOptionThatMayHaveBeenMeant) {
  ServeOptions options;
  const auto status = ApplyConfig("thalweg.jurnal.size: 1gb", options);
  EXPECT_EQ(CodeOf(status), ErrorCode::kInvalidConfig);
  EXPECT_THAT(status.message(), HasSubstr("\"thalweg.jurnal.size\""));
  EXPECT_THAT(status.message(), HasSubstr("did you mean \"thalweg.journal.size\"?"));
}

TEST(ApplyConfigTest, AcceptsWhatFlussHasAndWeNeedNotWithOneWarningEach) {
  ServeOptions options;
  ASSERT_TRUE(ApplyConfig("zookeeper.address: localhost:2181\n"
                          "internal.listener.name: INTERNAL\n"
                          "client.writer.acks: all\n",
                          options)
                  .ok());
  EXPECT_THAT(options.warnings,
              ElementsAre(HasSubstr("zookeeper.address has no effect here: "),
                          HasSubstr("internal.listener.name has no effect"), HasSubstr("client.writer.acks")));
}

TEST(ApplyConfigTest, WarnsNeverOfAValue) {
  ServeOptions options;
  ASSERT_TRUE(ApplyConfig("metrics.reporter.influxdb.token: sesame\n", options).ok());
  ASSERT_EQ(options.warnings.size(), 1u);
  EXPECT_THAT(options.warnings[0], Not(HasSubstr("sesame")));
}

constexpr const char* kJaas = "org.apache.fluss.security.auth.sasl.plain.PlainLoginModule required ";

TEST(ApplyConfigTest, ReadsFlussExampleOfSasl) {
  ServeOptions options;
  const std::string text = std::string("bind.listeners: INTERNAL://127.0.0.1:9123, CLIENT://127.0.0.1:9124\n") +
                           "security.protocol.map: CLIENT:SASL, INTERNAL:PLAINTEXT\n" +
                           "security.sasl.enabled.mechanisms: PLAIN\n" + "security.sasl.plain.jaas.config: " + kJaas +
                           "user_admin=\"admin-pass\" user_fluss=\"fluss-pass\";\n" +
                           "security.sasl.listener.name.client.plain.jaas.config: " + kJaas + "user_x=\"y\";\n";
  ASSERT_TRUE(ApplyConfig(text, options).ok());
  ASSERT_TRUE(FinishOptions("", options).ok());
  EXPECT_FALSE(options.listeners[0].credentials);
  EXPECT_EQ(options.listener_settings.credentials->count(), 2u);
  EXPECT_EQ(options.listeners[1].credentials->count(), 1u);
}

TEST(ApplyConfigTest, ReadsWhoMayDoWhat) {
  ServeOptions options;
  ASSERT_TRUE(ApplyConfig("authorizer.enabled: true\n"
                          "authorizer.type: default\n"
                          "super.users: User:admin;User:root\n"
                          "security.acl.principal.ignore-case: true\n"
                          "thalweg.security.deny: |\n"
                          "  * DROP on database prod\n"
                          "  User:bob READ, WRITE on table sales.*\n",
                          options)
                  .ok());
  ASSERT_TRUE(FinishOptions("", options).ok());
  EXPECT_TRUE(options.authorizer_enabled);
  EXPECT_TRUE(options.policy.ignore_case);
  EXPECT_EQ(options.policy.super_users.size(), 2u);
  EXPECT_EQ(options.policy.deny.size(), 2u);
  EXPECT_THAT(options.warnings, IsEmpty());
}

TEST(ApplyConfigTest, RulesWithoutTheAuthorizerAreNoProtection) {
  ServeOptions options;
  ASSERT_TRUE(ApplyConfig("thalweg.security.deny: \"* DROP on cluster\"", options).ok());
  EXPECT_THAT(FinishOptions("", options).message(), HasSubstr("authorizer.enabled: true"));
  options = {};
  ASSERT_TRUE(ApplyConfig("super.users: User:admin", options).ok());
  ASSERT_TRUE(FinishOptions("", options).ok());
  EXPECT_THAT(options.warnings, ElementsAre(HasSubstr("super.users has no effect")));
  options = {};
  ASSERT_TRUE(ApplyConfig("authorizer.enabled: true", options).ok());
  ASSERT_TRUE(FinishOptions("", options).ok());
  EXPECT_THAT(options.warnings, ElementsAre(HasSubstr("nobody can grant the first right")));
}

TEST(ApplyConfigTest, QuotesNoPassword) {
  for (const std::string& text :
       {"security.sasl.plain.jaas.config: user_admin=\"sesame\"", "security.sasl.plain.jaas.config: [sesame]",
        "security.sasl.plain.credentials: sesame",
        "security.sasl.plain.credentials: a:sesame\nsecurity.sasl.plain.jaas.config: sesame",
        "security.sasl.listener.name.a.plain.jaas.config: sesame", "security.sasl.plain.jaas.config: a: sesame",
        "security.sasl.plain.jaas.config: \"sesame"}) {
    ServeOptions options;
    const auto status = ApplyConfig(text, options);
    EXPECT_EQ(CodeOf(status), ErrorCode::kInvalidConfig) << text;
    EXPECT_THAT(status.message(), Not(HasSubstr("sesame"))) << text;
  }
}

TEST(ApplyConfigTest, RefusesANameThatIsGivenTwice) {
  ServeOptions options;
  const auto status = ApplyConfig("default.bucket.number: 1\ndefault.bucket.number: 2\n", options);
  EXPECT_THAT(status.message(), HasSubstr("default.bucket.number is given twice"));
}

TEST(ApplyConfigTest, NearestNamesIncludeThoseWithoutEffect) {
  ServeOptions options;
  const auto status = ApplyConfig("zookeeper.adress: x", options);
  EXPECT_THAT(status.message(), HasSubstr("did you mean \"zookeeper.address\"?"));
}

TEST(ApplyConfigTest, SaysWhichValueIsWrong) {
  const std::vector<std::pair<const char*, const char*>> wrong = {{"default.bucket.number: 0", "default.bucket.number"},
                                                                  {"default.bucket.number: many", "\"many\""},
                                                                  {"bind.listeners: 127.0.0.1:9123", "bind.listeners"},
                                                                  {"bind.listeners: A://h:1, A://h:2", "A"},
                                                                  {"advertised.listeners: x", "advertised.listeners"},
                                                                  {"authorizer.enabled: maybe", "authorizer.enabled"},
                                                                  {"authorizer.type: ranger", "ranger"},
                                                                  {"super.users: admin", "User:admin"},
                                                                  {"thalweg.security.deny: no", "thalweg.security"},
                                                                  {"default.replication.factor: 3", "replication"},
                                                                  {"max.bucket.num: 0", "max.bucket.num"},
                                                                  {"max.partition.num: 1e9", "max.partition.num"},
                                                                  {"netty.connection.max-idle-time: 5", "10min"},
                                                                  {"netty.server.max-request-size: 1gb", "100mb"},
                                                                  {"data.dir: \"\"", "data.dir"},
                                                                  {"log.segment.file-size: big", "\"big\""},
                                                                  {"log.segment.file-size: 0", "log.segment.file-size"},
                                                                  {"thalweg.journal.size: 0", "thalweg.journal.size"},
                                                                  {"thalweg.memory.budget: 1mb", "256mb"},
                                                                  {"thalweg.durability: never", "page-cache"},
                                                                  {"thalweg.shards: -1", "thalweg.shards"},
                                                                  {"thalweg.shards: [1, 2]", "thalweg.shards"},
                                                                  {"thalweg.shards:", "thalweg.shards"}};
  for (const auto& [text, part] : wrong) {
    ServeOptions options;
    const auto status = ApplyConfig(text, options);
    EXPECT_EQ(CodeOf(status), ErrorCode::kInvalidConfig) << text;
    EXPECT_THAT(status.message(), HasSubstr(part)) << text;
  }
}

TEST(ApplyConfigTest, RefusesWhatIsNoConfiguration) {
  for (const char* text : {"just text", "- a\n- b\n", "a: [", "a: b: c", "{unclosed: 1"}) {
    ServeOptions options;
    const auto status = ApplyConfig(text, options);
    EXPECT_EQ(CodeOf(status), ErrorCode::kInvalidConfig) << text << ": " << status;
  }
}

TEST(ServeOptionsTest, OptionsOfUpkeep) {
  ServeOptions options;
  ASSERT_TRUE(ApplyConfig("auto-partition.check.interval: 30s\nlog.retention.check-interval: 2 min\n"
                          "datalake.format: paimon\ndatalake.paimon.warehouse: /w\n",
                          options)
                  .ok());
  EXPECT_EQ(options.auto_partition_interval, std::chrono::seconds(30));
  EXPECT_EQ(options.log_retention_interval, std::chrono::minutes(2));
  EXPECT_EQ(options.catalog.rules.lake_format, "paimon");
  EXPECT_TRUE(options.warnings.empty());
  EXPECT_EQ(options.configuration.at("datalake.paimon.warehouse"), "/w");
  EXPECT_FALSE(ApplyConfig("datalake.format: parquet", options).ok());
  EXPECT_FALSE(ApplyConfig("log.retention.check-interval: 0s", options).ok());
}

TEST(ServeOptionsTest, ClientsAreToldNothingThatMayBeSecret) {
  ServeOptions options;
  ASSERT_TRUE(ApplyConfig("security.sasl.plain.jaas.config: org.apache.fluss.security.auth.sasl.plain.PlainLoginModule "
                          "required user_bob=\"hush\";\ndatalake.paimon.s3.secret-key: hush\n"
                          "default.bucket.number: 2\n",
                          options)
                  .ok());
  EXPECT_EQ(options.configuration, (std::map<std::string, std::string>{{"default.bucket.number", "2"}}));
}

}  // namespace
}  // namespace thalweg::app
