#include "thalweg/flight/prepared_statements.h"

#include <gtest/gtest.h>

#include <string>

#include "arrow/array/builder_primitive.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "thalweg/base/error.h"

namespace thalweg::flight {
namespace {

const security::Principal kAlice{"User", "alice"};
const security::Principal kBob{"User", "bob"};

std::shared_ptr<arrow::RecordBatch> OneRow() {
  arrow::Int64Builder builder;
  EXPECT_TRUE(builder.Append(1).ok());
  return arrow::RecordBatch::Make(arrow::schema({arrow::field("1", arrow::int64())}), 1,
                                  {builder.Finish().ValueOrDie()});
}

TEST(PreparedStatementsTest, BelongToWhoPreparedThem) {
  PreparedStatements statements;
  const std::string handle = statements.Add({"SELECT ?", kAlice}).ValueOrDie();
  EXPECT_EQ(statements.Find(handle, kAlice).ValueOrDie()->text, "SELECT ?");
  EXPECT_EQ(CodeOf(statements.Find(handle, kBob).status()), ErrorCode::kInvalidScanRequest);
  EXPECT_FALSE(statements.Bind(handle, kBob, OneRow()).ok());
  statements.Remove(handle, kBob);
  ASSERT_TRUE(statements.Bind(handle, kAlice, OneRow()).ok());
  EXPECT_TRUE(statements.Find(handle, kAlice).ValueOrDie()->parameters->Equals(*OneRow()));
  statements.Remove(handle, kAlice);
  EXPECT_FALSE(statements.Find(handle, kAlice).ok());
}

TEST(PreparedStatementsTest, TheOneUnusedLongestGoesWhereThereAreTooMany) {
  PreparedStatements statements;
  const std::string first = statements.Add({"1", kAlice}).ValueOrDie();
  const std::string second = statements.Add({"2", kAlice}).ValueOrDie();
  for (size_t i = 0; i < PreparedStatements::kCountMax - 1; ++i) {
    ASSERT_TRUE(statements.Find(first, kAlice).ok());
    ASSERT_TRUE(statements.Add({"more", kAlice}).ok());
  }
  EXPECT_TRUE(statements.Find(first, kAlice).ok());
  EXPECT_FALSE(statements.Find(second, kAlice).ok());
}

TEST(PreparedStatementsTest, TheirTextsStayWithinABound) {
  PreparedStatements statements;
  EXPECT_EQ(CodeOf(statements.Add({std::string(PreparedStatements::kBytesMax, 'x'), kAlice}).status()),
            ErrorCode::kRecordTooLarge);
  const std::string first = statements.Add({std::string(10 << 20, 'x'), kAlice}).ValueOrDie();
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(statements.Add({std::string(10 << 20, 'x'), kAlice}).ok());
  EXPECT_FALSE(statements.Find(first, kAlice).ok());
}

}  // namespace
}  // namespace thalweg::flight
