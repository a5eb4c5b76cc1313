#include "thalweg/kv/row_merger.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/kv/test_rows_internal.h"

namespace thalweg::kv {
namespace {

using schema::ChangelogImage;
using schema::DeleteBehavior;
using schema::MakeType;
using schema::MergeEngine;
using schema::NotNull;
using schema::TypeKind;

/// One record of a changelog: "+I", "-U", "+U", "-D", and the row.
using Log = std::vector<std::pair<std::string, Cells>>;

/// The rows of a bucket, and its changelog, as the engine's caller keeps them.
class Bucket {
 public:
  explicit Bucket(TestTable table) : table_(std::move(table)) {}

  TestTable& table() { return table_; }

  std::unique_ptr<RowMerger> Merger(const WriteMode& mode = {}, IdSource* ids = nullptr) {
    auto merger = RowMerger::Make(table_.Schemas(), table_.rules, mode, ids);
    EXPECT_TRUE(merger.ok()) << merger.status();
    return std::move(*merger);
  }

  /// What was logged.
  Log Upsert(RowMerger& merger, const Cells& cells, int16_t version = 1) {
    const std::vector<uint8_t> row = table_.Row(cells, version);
    return Take(merger.Upsert(SchemaId(version), row, merger.reads_old_rows() ? Stored() : std::nullopt));
  }
  Log Remove(RowMerger& merger) { return Take(merger.Remove(Stored())); }

  std::optional<std::vector<uint8_t>> value;

 private:
  std::optional<ByteView> Stored() const { return value ? std::optional(ByteView(*value)) : std::nullopt; }

  Log Take(const arrow::Result<RowEffect>& effect) {
    EXPECT_TRUE(effect.ok()) << effect.status();
    Log log;
    for (const ChangeRecord& record : ChangeRecords(*effect, table_.rules.image)) {
      constexpr const char* kNames[] = {"+A", "+I", "-U", "+U", "-D"};
      log.emplace_back(kNames[static_cast<size_t>(record.type)], CellsOf(*record.row));
    }
    if (effect->kind == RowEffect::Kind::kDelete) value.reset();
    if (effect->kind == RowEffect::Kind::kInsert || effect->kind == RowEffect::Kind::kUpdate) {
      value.emplace(effect->value.begin(), effect->value.end());
    }
    return log;
  }

  TestTable table_;
};

TestTable Simple() {
  return TestTable(
      {Col("k", MakeType(TypeKind::kInt)), Col("a", MakeType(TypeKind::kInt)), Col("b", MakeType(TypeKind::kString))});
}

ErrorCode MakeFails(const TestTable& table, const WriteMode& mode) {
  return CodeOf(RowMerger::Make(table.Schemas(), table.rules, mode, nullptr).status());
}

TEST(RowMergerTest, TheLastRowWins) {
  for (const RowFormat format : {RowFormat::kCompacted, RowFormat::kIndexed}) {
    Bucket bucket(Simple());
    bucket.table().format = format;
    const auto merger = bucket.Merger();
    const Cells one{N(1), N(10), T("x")};
    const Cells two{N(1), Null(), T("y")};
    EXPECT_EQ(bucket.Upsert(*merger, one), (Log{{"+I", one}}));
    EXPECT_EQ(bucket.value, bucket.table().Value(one));
    EXPECT_EQ(bucket.Upsert(*merger, two), (Log{{"-U", one}, {"+U", two}}));
    EXPECT_EQ(bucket.Upsert(*merger, two), (Log{{"-U", two}, {"+U", two}})) << "equal bytes are a change";
    EXPECT_EQ(bucket.Remove(*merger), (Log{{"-D", two}}));
    EXPECT_EQ(bucket.Remove(*merger), Log{});
    EXPECT_EQ(bucket.value, std::nullopt);
  }
}

TEST(RowMergerTest, ImageWalLogsNoOldRowsAndDoesNotLookForThem) {
  Bucket bucket(Simple());
  bucket.table().rules.image = ChangelogImage::kWal;
  const auto merger = bucket.Merger();
  EXPECT_FALSE(merger->reads_old_rows());
  const Cells one{N(1), N(10), T("x")};
  EXPECT_EQ(bucket.Upsert(*merger, one), (Log{{"+U", one}}));
  EXPECT_EQ(bucket.Upsert(*merger, one), (Log{{"+U", one}}));
  EXPECT_EQ(bucket.Remove(*merger), (Log{{"-D", one}})) << "deletes do";

  const std::vector<int32_t> targets{0, 1};
  const auto partial = bucket.Merger({.target_columns = targets});
  EXPECT_TRUE(partial->reads_old_rows());
  const Cells inserted{N(1), N(5), Null()};
  EXPECT_EQ(bucket.Upsert(*partial, {N(1), N(5), T("no")}), (Log{{"+I", inserted}}));
  EXPECT_EQ(bucket.Upsert(*partial, {N(1), N(6), T("no")}), (Log{{"+U", {N(1), N(6), Null()}}}));
}

TEST(RowMergerTest, DeleteBehaviors) {
  Bucket bucket(Simple());
  const Cells one{N(1), N(10), T("x")};
  bucket.value = bucket.table().Value(one);
  bucket.table().rules.delete_behavior = DeleteBehavior::kIgnore;
  EXPECT_EQ(bucket.Remove(*bucket.Merger()), Log{});
  EXPECT_FALSE(bucket.Merger()->takes_deletes());
  bucket.table().rules.delete_behavior = DeleteBehavior::kDisable;
  EXPECT_EQ(CodeOf(bucket.Merger()->Remove(std::nullopt).status()), ErrorCode::kDeletionDisabled);
  EXPECT_EQ(bucket.Remove(*bucket.Merger({.overwrite = true})), (Log{{"-D", one}}))
      << "OVERWRITE undoes whatever was written";
  for (const MergeEngine engine : {MergeEngine::kFirstRow, MergeEngine::kVersioned, MergeEngine::kAggregation}) {
    bucket.table().rules = {.engine = engine, .version_column = "a"};
    bucket.value = bucket.table().Value(one);
    EXPECT_EQ(bucket.Remove(*bucket.Merger()), Log{}) << "ignored unless the table says otherwise";
  }
}

TEST(RowMergerTest, PartialUpdates) {
  Bucket bucket(Simple());
  const std::vector<int32_t> first{0, 1};
  const std::vector<int32_t> second{2, 0};
  const auto a = bucket.Merger({.target_columns = first});
  const auto b = bucket.Merger({.target_columns = second});
  const Cells one{N(1), N(10), Null()};
  const Cells both{N(1), N(10), T("x")};
  EXPECT_EQ(bucket.Upsert(*a, {N(1), N(10), T("ignored")}), (Log{{"+I", one}}));
  EXPECT_EQ(bucket.Upsert(*b, {N(1), Null(), T("x")}), (Log{{"-U", one}, {"+U", both}}));
  const Cells without_a{N(1), Null(), T("x")};
  EXPECT_EQ(bucket.Remove(*a), (Log{{"-U", both}, {"+U", without_a}}));
  EXPECT_EQ(bucket.Remove(*b), (Log{{"-D", without_a}}));
  EXPECT_EQ(bucket.value, std::nullopt);

  const std::vector<int32_t> key{0};
  const auto only_key = bucket.Merger({.target_columns = key});
  EXPECT_EQ(bucket.Upsert(*only_key, both), (Log{{"+I", {N(1), Null(), Null()}}}));
  EXPECT_EQ(bucket.Upsert(*only_key, both), Log{}) << "there is nothing to update";
}

TEST(RowMergerTest, TargetColumnsThatAreRefused) {
  TestTable table = Simple();
  const std::vector<int32_t> no_key{1};
  const std::vector<int32_t> beyond{0, 3};
  const std::vector<int32_t> negative{0, -1};
  const std::vector<int32_t> fine{0, 1};
  EXPECT_EQ(MakeFails(table, {.target_columns = no_key}), ErrorCode::kInvalidTargetColumn);
  EXPECT_EQ(MakeFails(table, {.target_columns = beyond}), ErrorCode::kInvalidTargetColumn);
  EXPECT_EQ(MakeFails(table, {.target_columns = negative}), ErrorCode::kInvalidTargetColumn);
  EXPECT_EQ(MakeFails(table, {.target_columns = fine}), ErrorCode::kNone);
  for (const MergeEngine engine : {MergeEngine::kFirstRow, MergeEngine::kVersioned}) {
    table.rules = {.engine = engine, .version_column = "a"};
    EXPECT_EQ(MakeFails(table, {.target_columns = fine}), ErrorCode::kUnknownServerError);
    EXPECT_EQ(MakeFails(table, {.target_columns = fine, .overwrite = true}), ErrorCode::kNone);
  }
  TestTable strict({Col("k", MakeType(TypeKind::kInt)), Col("a", NotNull(MakeType(TypeKind::kInt)))});
  EXPECT_EQ(MakeFails(strict, {.target_columns = fine}), ErrorCode::kInvalidTargetColumn);
  EXPECT_EQ(MakeFails(strict, {.target_columns = fine, .all_targets_are_whole_rows = true}), ErrorCode::kNone);
  strict.rules.engine = MergeEngine::kAggregation;
  EXPECT_EQ(MakeFails(strict, {.target_columns = fine}), ErrorCode::kInvalidTargetColumn);
}

TEST(RowMergerTest, TheFirstRowStays) {
  Bucket bucket(Simple());
  bucket.table().rules.engine = MergeEngine::kFirstRow;
  const auto merger = bucket.Merger();
  const Cells one{N(1), N(10), T("x")};
  const Cells two{N(1), N(20), T("y")};
  EXPECT_EQ(bucket.Upsert(*merger, one), (Log{{"+I", one}}));
  EXPECT_EQ(bucket.Upsert(*merger, two), Log{});
  EXPECT_EQ(bucket.value, bucket.table().Value(one));
  EXPECT_EQ(bucket.Upsert(*bucket.Merger({.overwrite = true}), two), (Log{{"-U", one}, {"+U", two}}));
}

TEST(RowMergerTest, TheHigherVersionWins) {
  struct Case {
    schema::DataType type;
    Datum old;
    Datum fresh;
    bool wins;
  };
  const auto type_min = N(INT32_MIN);
  const std::vector<Case> cases = {
      {MakeType(TypeKind::kInt), N(5), N(6), true},
      {MakeType(TypeKind::kInt), N(5), N(5), true},
      {MakeType(TypeKind::kInt), N(5), N(4), false},
      {MakeType(TypeKind::kInt), Null(), N(-4), true},
      {MakeType(TypeKind::kInt), N(-4), Null(), false},
      {MakeType(TypeKind::kInt), Null(), Null(), true},
      {MakeType(TypeKind::kInt), type_min, Null(), true},
      {MakeType(TypeKind::kBigInt), N(1ll << 40), N((1ll << 40) - 1), false},
      {MakeType(TypeKind::kBigInt), N(INT64_MIN), Null(), true},
      {schema::MakeTime(TypeKind::kTimestamp, 9), Ts(5, 100), Ts(5, 99), false},
      {schema::MakeTime(TypeKind::kTimestamp, 9), Ts(5, 100), Ts(5, 101), true},
      {schema::MakeTime(TypeKind::kTimestampLtz, 3), Ts(5, 0), Ts(-5, 0), false},
      {schema::MakeTime(TypeKind::kTimestampLtz, 3), Null(), Ts(INT64_MIN, 0), true},
  };
  for (const Case& c : cases) {
    Bucket bucket(TestTable({Col("k", MakeType(TypeKind::kInt)), Col("v", c.type)}));
    bucket.table().rules = {.engine = MergeEngine::kVersioned, .version_column = "v"};
    const auto merger = bucket.Merger();
    const Cells old{N(1), c.old};
    const Cells fresh{N(1), c.fresh};
    EXPECT_EQ(bucket.Upsert(*merger, old), (Log{{"+I", old}}));
    EXPECT_EQ(bucket.Upsert(*merger, fresh), c.wins ? (Log{{"-U", old}, {"+U", fresh}}) : Log{}) << c.type.ToString();
  }
  TestTable text({Col("k", MakeType(TypeKind::kInt)), Col("v", MakeType(TypeKind::kString))});
  text.rules = {.engine = MergeEngine::kVersioned, .version_column = "v"};
  EXPECT_EQ(MakeFails(text, {}), ErrorCode::kInvalidConfig);
  text.rules.version_column = "missing";
  EXPECT_EQ(MakeFails(text, {}), ErrorCode::kInvalidConfig);
}

TEST(RowMergerTest, RowsOfOlderSchemasAreReadThroughTheLatest) {
  for (const RowFormat format : {RowFormat::kCompacted, RowFormat::kIndexed}) {
    Bucket bucket(Simple());
    bucket.table().format = format;
    bucket.table().second = *bucket.table().first.WithColumn(Col("c", MakeType(TypeKind::kBigInt)));
    const auto merger = bucket.Merger();
    const Cells old{N(1), N(10), T("x")};
    const Cells old_padded{N(1), N(10), T("x"), Null()};
    const Cells fresh{N(1), N(11), Null(), N(7)};
    EXPECT_EQ(bucket.Upsert(*merger, old), (Log{{"+I", old_padded}}));
    EXPECT_EQ(bucket.value, bucket.table().Value(old)) << "stored as it came";
    EXPECT_EQ(bucket.Upsert(*merger, fresh, 2), (Log{{"-U", old_padded}, {"+U", fresh}}));
    EXPECT_EQ(bucket.Upsert(*merger, old), (Log{{"-U", fresh}, {"+U", old_padded}}));
    const std::vector<int32_t> targets{0, 3};
    const auto partial = bucket.Merger({.target_columns = targets});
    const Cells merged{N(1), N(10), T("x"), N(9)};
    EXPECT_EQ(bucket.Upsert(*partial, {N(1), N(0), Null(), N(9)}, 2), (Log{{"-U", old_padded}, {"+U", merged}}));
    EXPECT_EQ(bucket.value, bucket.table().Value(merged, 2)) << "what the server writes is of the latest schema";
    EXPECT_EQ(CodeOf(merger->Upsert(SchemaId(3), bucket.table().Row(old), std::nullopt).status()),
              ErrorCode::kSchemaNotExist);
    EXPECT_EQ(CodeOf(merger->Upsert(SchemaId(0), bucket.table().Row(old), std::nullopt).status()),
              ErrorCode::kSchemaNotExist);
  }
}

TEST(RowMergerTest, BadBytesAreErrors) {
  Bucket bucket(Simple());
  const auto merger = bucket.Merger();
  std::vector<uint8_t> row = bucket.table().Row({N(1), N(10), T("text")});
  row.pop_back();
  EXPECT_EQ(CodeOf(merger->Upsert(SchemaId(1), row, std::nullopt).status()), ErrorCode::kCorruptRecord);
  EXPECT_EQ(CodeOf(merger->Remove(ByteView(row).first(1)).status()), ErrorCode::kKvStorage);
  EXPECT_EQ(CodeOf(merger->Remove(row).status()), ErrorCode::kKvStorage);
}

TEST(RowMergerTest, AutoIncrementColumnsAreNumberedOnInsert) {
  class Counter final : public IdSource {
   public:
    arrow::Result<int64_t> Next() override { return ++last; }
    int64_t last = 0;
  };
  for (const TypeKind kind : {TypeKind::kInt, TypeKind::kBigInt}) {
    Bucket bucket(TestTable(
        {Col("k", MakeType(TypeKind::kString)), Col("id", MakeType(kind)), Col("a", MakeType(TypeKind::kInt))}, {"k"},
        {"id"}));
    bucket.table().rules.image = ChangelogImage::kWal;
    Counter ids;
    const std::vector<int32_t> targets{0, 2};
    const std::vector<int32_t> with_id{0, 1};
    EXPECT_EQ(MakeFails(bucket.table(), {}), ErrorCode::kInvalidTargetColumn);
    EXPECT_EQ(MakeFails(bucket.table(), {.target_columns = with_id}), ErrorCode::kInvalidTargetColumn);
    const auto merger = bucket.Merger({.target_columns = targets}, &ids);
    EXPECT_TRUE(merger->reads_old_rows());
    const Cells one{T("x"), N(1), N(10)};
    EXPECT_EQ(bucket.Upsert(*merger, {T("x"), Null(), N(10)}), (Log{{"+I", one}}));
    EXPECT_EQ(bucket.value, bucket.table().Value(one));
    EXPECT_EQ(bucket.Upsert(*merger, {T("x"), Null(), N(11)}), (Log{{"+U", {T("x"), N(1), N(11)}}}));
    bucket.value.reset();
    EXPECT_EQ(bucket.Upsert(*merger, {T("y"), Null(), Null()}), (Log{{"+I", {T("y"), N(2), Null()}}}));
  }
}

}  // namespace
}  // namespace thalweg::kv
