#include "thalweg/app/serve_options.h"

#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"

namespace thalweg::app {
namespace {

using ::testing::HasSubstr;

TEST(ParseBytesTest, ReadsFlussNotation) {
  EXPECT_EQ(*ParseBytes("0"), 0u);
  EXPECT_EQ(*ParseBytes("4096"), 4096u);
  EXPECT_EQ(*ParseBytes("7b"), 7u);
  EXPECT_EQ(*ParseBytes("64kb"), 64u << 10);
  EXPECT_EQ(*ParseBytes("64 MB"), 64u << 20);
  EXPECT_EQ(*ParseBytes(" 1g "), 1u << 30);
  EXPECT_EQ(*ParseBytes("2Tb"), 2ull << 40);
}

TEST(ParseBytesTest, RefusesWhatIsNoSize) {
  for (const char* text : {"", "mb", "-1", "1.5gb", "1 potato", "0x10", "99999999999999999999", "99999999999tb"}) {
    const auto parsed = ParseBytes(text);
    EXPECT_EQ(CodeOf(parsed.status()), ErrorCode::kInvalidConfig) << text;
    EXPECT_THAT(parsed.status().message(), HasSubstr("such as 64mb")) << text;
  }
}

TEST(ApplyConfigTest, SetsEveryOptionThatThereIs) {
  ServeOptions options;
  ASSERT_TRUE(ApplyConfig("default.bucket.number: 7\n"
                          "log.segment.file-size: 64mb\n"
                          "thalweg.durability: page-cache\n"
                          "thalweg.journal.size: 256mb  # small\n"
                          "thalweg.shards: 3\n",
                          options)
                  .ok());
  EXPECT_EQ(options.default_bucket_count, 7);
  EXPECT_EQ(options.segment_bytes, 64u << 20);
  EXPECT_EQ(options.durability, journal::Durability::kPageCache);
  EXPECT_EQ(options.journal_bytes, 256u << 20);
  EXPECT_EQ(options.shards, 3u);
}

TEST(ApplyConfigTest, AnEmptyFileChangesNothing) {
  ServeOptions options;
  ASSERT_TRUE(ApplyConfig("", options).ok());
  ASSERT_TRUE(ApplyConfig("# nothing\n", options).ok());
  EXPECT_EQ(options.durability, journal::Durability::kSynced);
  EXPECT_EQ(options.listen.ToString(), "127.0.0.1:9123");
}

TEST(ApplyConfigTest, NamesTheOptionThatMayHaveBeenMeant) {
  ServeOptions options;
  const auto status = ApplyConfig("thalweg.jurnal.size: 1gb", options);
  EXPECT_EQ(CodeOf(status), ErrorCode::kInvalidConfig);
  EXPECT_THAT(status.message(), HasSubstr("\"thalweg.jurnal.size\""));
  EXPECT_THAT(status.message(), HasSubstr("did you mean \"thalweg.journal.size\"?"));
}

TEST(ApplyConfigTest, SaysWhichValueIsWrong) {
  const std::vector<std::pair<const char*, const char*>> wrong = {{"default.bucket.number: 0", "default.bucket.number"},
                                                                  {"default.bucket.number: many", "\"many\""},
                                                                  {"log.segment.file-size: big", "\"big\""},
                                                                  {"log.segment.file-size: 0", "log.segment.file-size"},
                                                                  {"thalweg.journal.size: 0", "thalweg.journal.size"},
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

}  // namespace
}  // namespace thalweg::app
