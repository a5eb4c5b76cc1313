#include "thalweg/query/lookup.h"

#include "arrow/array/array_primitive.h"
#include "thalweg/query/test_query_internal.h"

namespace thalweg::query {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LookupTest : public QueryTest {
 protected:
  static std::shared_ptr<arrow::RecordBatch> Keys(const std::vector<int64_t>& ids, const std::string& name = "id") {
    arrow::Int64Builder builder;
    for (const int64_t id : ids) TW_CHECK((id < 0 ? builder.AppendNull() : builder.Append(id)).ok());
    return arrow::RecordBatch::Make(arrow::schema({arrow::field(name, arrow::int64())}),
                                    static_cast<int64_t>(ids.size()), {builder.Finish().ValueOrDie()});
  }
  arrow::Result<LookupAnswer> TryLookup(LookupRequest request) {
    return sim_.Await(query::Lookup(AsUser(), std::move(request), home_));
  }
  LookupAnswer LookUp(LookupRequest request) {
    auto answer = TryLookup(std::move(request));
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? *answer : LookupAnswer();
  }
};

TEST_F(LookupTest, RowsComeInTheOrderOfKeys) {
  const auto table = Create("t", TestTable({"id"}, 5));
  const auto written = Upsert(table, TestRows(0, 100));
  const auto answer = LookUp({.table = table, .keys = Keys({42, 7, 1000, 42, 99})});
  EXPECT_THAT(Numbers(*answer.rows, 0), ElementsAre(42, 7, -1, 42, 99));
  EXPECT_THAT(Texts(*answer.rows, 1), ElementsAre("name 42", "name 7", "null", "name 42", "name 99"));
  EXPECT_FALSE(answer.found->Value(2));
  EXPECT_TRUE(answer.found->Value(4));
  for (const auto& [bucket, end] : answer.token.ends) EXPECT_EQ(end, written.token.ends.at(bucket));
  const auto some = LookUp({.table = table, .keys = Keys({5}), .columns = {{2, 1}}, .at_least = written.token});
  EXPECT_EQ(some.rows->schema()->field_names(), (std::vector<std::string>{"score", "name"}));
  EXPECT_EQ(LookUp({.table = table, .keys = Keys({})}).rows->num_rows(), 0);
}

TEST_F(LookupTest, KeysAreCastWhereThatLosesNothing) {
  const auto table = Create("t", TestTable({"id"}));
  Upsert(table, TestRows(0, 10));
  arrow::Int32Builder small;
  ASSERT_TRUE(small.Append(3).ok());
  const auto keys =
      arrow::RecordBatch::Make(arrow::schema({arrow::field("id", arrow::int32())}), 1, {small.Finish().ValueOrDie()});
  EXPECT_THAT(Texts(*LookUp({.table = table, .keys = keys}).rows, 1), ElementsAre("name 3"));
}

TEST_F(LookupTest, BadKeysAreRefused) {
  const auto table = Create("t", TestTable({"id"}));
  const auto unknown = TryLookup({.table = table, .keys = Keys({1}, "idd")});
  EXPECT_EQ(CodeOf(unknown.status()), ErrorCode::kInvalidTable);
  EXPECT_THAT(unknown.status().message(), HasSubstr("Did you mean id?"));
  EXPECT_EQ(CodeOf(TryLookup({.table = table, .keys = Keys({-1})}).status()), ErrorCode::kInvalidTable);
  EXPECT_EQ(CodeOf(TryLookup({.table = table, .keys = TestRows(0, 1)}).status()), ErrorCode::kInvalidTable);
  EXPECT_EQ(CodeOf(TryLookup({.table = Create("log", TestTable()), .keys = Keys({1})}).status()),
            ErrorCode::kNonPrimaryKeyTable);
}

TEST_F(LookupTest, TooManyBytesAreRefused) {
  const auto table = Create("t", TestTable({"id"}));
  Upsert(table, TestRows(0, 100));
  EXPECT_EQ(CodeOf(TryLookup({.table = table, .keys = Keys(Range(0, 100)), .bytes_max = 100}).status()),
            ErrorCode::kRecordTooLarge);
}

TEST_F(LookupTest, PartitionsAreFoundAndMissingOnesHaveNoRows) {
  const auto table = Create("t", TestTable({"id", "name"}, 2, {"name"}));
  Upsert(table, TestRows(0, 3, "p"));
  const auto keys = [](const std::vector<std::pair<int64_t, std::string>>& wanted) {
    arrow::Int64Builder ids;
    arrow::StringBuilder names;
    for (const auto& [id, name] : wanted) TW_CHECK(ids.Append(id).ok() && names.Append(name).ok());
    return arrow::RecordBatch::Make(
        arrow::schema({arrow::field("name", arrow::utf8()), arrow::field("id", arrow::int64())}),
        static_cast<int64_t>(wanted.size()), {names.Finish().ValueOrDie(), ids.Finish().ValueOrDie()});
  };
  const auto answer = LookUp({.table = table, .keys = keys({{1, "p1"}, {1, "p2"}, {2, "p2"}, {1, "nowhere"}})});
  EXPECT_THAT(Numbers(*answer.rows, 0), ElementsAre(1, -1, 2, -1));
}

TEST_F(LookupTest, PrefixesGiveAllTheirRows) {
  schema::TableDescriptor described = TestTable({"id", "name"}, 3);
  described.bucket_keys = {"id"};
  const auto table = Create("t", described);
  Upsert(table, TestRows(0, 20, "a"));
  Upsert(table, TestRows(0, 20, "b"));
  const auto answer =
      sim_.Await(PrefixLookup(AsUser(), {.table = table, .keys = Keys({7, 500, 3}), .columns = {{1}}}, home_));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(Texts(*answer->rows, 0), ElementsAre("a7", "b7", "a3", "b3"));
  EXPECT_THAT(std::vector<int32_t>(answer->key_index->raw_values(), answer->key_index->raw_values() + 4),
              ElementsAre(0, 0, 2, 2));
  const auto wrong = sim_.Await(PrefixLookup(AsUser(), {.table = table, .keys = Keys({1}, "score")}, home_));
  EXPECT_EQ(CodeOf(wrong.status()), ErrorCode::kInvalidTable);
}

}  // namespace
}  // namespace thalweg::query
