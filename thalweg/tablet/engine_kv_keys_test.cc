// Keys of tables whose rows keep less than a key says: INDEXED fills BINARY(n) and CHAR(n) up with zeros.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "thalweg/tablet/test_kv_internal.h"

namespace thalweg::tablet {
namespace {

using namespace std::string_literals;
using schema::MakeType;
using schema::TypeKind;
using testing::MemoryFileSystem;
using testing::PowerLoss;

/// A table of (k BINARY(3), c CHAR(2), n INT), its buckets chosen by k.
schema::TableDescriptor Described(std::map<std::string, std::string> options) {
  schema::DataType k = schema::NotNull(MakeType(TypeKind::kBinary)), c = schema::NotNull(MakeType(TypeKind::kChar));
  k.length = 3;
  c.length = 2;
  schema::Schema::Parts parts{
      .columns = {{.name = "k", .type = k}, {.name = "c", .type = c}, {.name = "n", .type = MakeType(TypeKind::kInt)}},
      .primary_key = {"k", "c"}};
  options.try_emplace("table.kv.format-version", "2");
  schema::TableDescriptor table{.schema = schema::Schema::Make(parts).ValueOrDie(),
                                .bucket_keys = {"k"},
                                .bucket_count = 1,
                                .properties = std::move(options)};
  EXPECT_TRUE(table.Normalize().ok());
  return table;
}

class EngineKvKeysTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    disk->CreateDurableDirectories("data");
    for (const auto& column : described.schema.columns()) types.push_back(column.type);
    Start();
  }
  void Start() {
    sim = std::make_unique<SimRows>(*disk);
    sim->table = KvTable::Make(described, {std::make_shared<schema::Schema>(described.schema)}).ValueOrDie();
    ASSERT_TRUE(sim->Open().ok());
  }
  void Kill() {
    auto left = disk->PowerCut(PowerLoss::kKeepAll);
    sim.reset();
    disk = std::move(left);
    Start();
  }
  std::string Key(const std::string& k, const std::string& c) {
    const std::vector<format::Datum> values = {{k}, {c}};
    const auto key = format::EncodeKey(format::KeyFormat::kCompacted, values, std::span(types).first(2));
    return std::string(AsText(key.ValueOrDie()));
  }
  /// Deletes where there is no `n`.
  ErrorCode Put(const std::string& k, const std::string& c, std::optional<int64_t> n) {
    const std::vector<format::Datum> values = {{k}, {c}, {n.value_or(0)}};
    const auto row = format::EncodeRow(format::RowFormat::kIndexed, values, types).ValueOrDie();
    format::KvBatchBuilder builder;
    builder.Append(AsBytes(Key(k, c)), n ? std::optional(ByteView(row)) : std::nullopt);
    const ByteView batch = builder.Finish(SchemaId(1), kNoWriter, -1);
    auto owner = std::make_shared<Buffer>(batch.size());
    std::ranges::copy(batch, owner->data());
    const auto answer = sim->StartPut(bucket, std::move(owner));
    EXPECT_TRUE(sim->scheduler.RunUntil([&] { return answer->done(); }));
    EXPECT_TRUE(answer->ok()) << (*answer->result).status();
    return answer->code();
  }
  int64_t NumberIn(ByteView value) const {
    const auto stored = format::ParseStoredValue(value).ValueOrDie();
    return *format::DecodeRow(format::RowFormat::kIndexed, stored.row, types).ValueOrDie()[2].get_if<int64_t>();
  }
  /// -1 where there is none.
  int64_t Lookup(const std::string& k, const std::string& c) {
    const std::string text = Key(k, c);
    const std::vector<ByteView> keys = {AsBytes(text)};
    FoundRows rows;
    const auto run = [](SimRows& of, TableBucket id, std::span<const ByteView> wanted,
                        FoundRows& into) -> runtime::Task<arrow::Status> {
      co_return co_await of.engine->Lookup(id, wanted, into, of.engine->ShardOf(id));
    };
    EXPECT_TRUE(sim->scheduler.Await(run(*sim, bucket, keys, rows)).ok());
    return rows.At(0) ? NumberIn(*rows.At(0)) : -1;
  }
  std::vector<int64_t> LookupPrefix(const std::string& k) {
    const std::vector<format::Datum> values = {{k}};
    const auto prefix =
        format::EncodeKey(format::KeyFormat::kCompacted, values, std::span(types).first(1)).ValueOrDie();
    const auto run = [](SimRows& of, TableBucket id, ByteView begin) -> runtime::Task<arrow::Result<ScannedRows>> {
      co_return co_await of.engine->ScanRows(id, {.prefix = begin}, of.engine->ShardOf(id));
    };
    const auto rows = sim->scheduler.Await(run(*sim, bucket, prefix));
    EXPECT_TRUE(rows.ok()) << rows.status();
    std::vector<int64_t> numbers;
    for (const ByteView value : rows->Values()) numbers.push_back(NumberIn(value));
    return numbers;
  }

  const TableBucket bucket = TestBucket(0);
  const schema::TableDescriptor described =
      Described({{"table.kv.format", "INDEXED"}, {"table.log.format", GetParam()}});
  std::vector<schema::DataType> types;
  std::unique_ptr<MemoryFileSystem> disk = std::make_unique<MemoryFileSystem>();
  std::unique_ptr<SimRows> sim;
};

TEST_P(EngineKvKeysTest, ZerosAtTheEndOfAKeyAreNoMatterBeforeAndAfterARestart) {
  Put("ab\0"s, "x"s, 1);
  Put("\0\0\0"s, "\0\0"s, 2);
  Put("abc"s, "xy"s, 3);
  Put("ab"s, "y\0"s, 4);
  const auto check = [&] {
    for (const auto& k : {"ab\0"s, "ab"s}) {
      for (const auto& c : {"x"s, "x\0"s}) EXPECT_EQ(Lookup(k, c), 1);
      EXPECT_EQ(LookupPrefix(k), (std::vector<int64_t>{1, 4}));
    }
    EXPECT_EQ(Lookup("\0\0\0"s, "\0\0"s), 2);
    EXPECT_EQ(Lookup("abc"s, "xy"s), 3);
    EXPECT_EQ(Lookup("\0ab"s, "x"s), -1) << "only those at the end";
    EXPECT_EQ(sim->CountRows(bucket), 4);
  };
  check();
  Kill();
  check();
  Put("ab\0"s, "y"s, 5);
  Put("ab"s, "x"s, std::nullopt);
  EXPECT_EQ(Lookup("ab\0"s, "x\0"s), -1);
  EXPECT_EQ(sim->CountRows(bucket), 3);
  Kill();
  EXPECT_EQ(Lookup("ab\0"s, "x\0"s), -1);
  EXPECT_EQ(LookupPrefix("ab"s), std::vector<int64_t>{5});
  EXPECT_EQ(sim->CountRows(bucket), 3);
}

INSTANTIATE_TEST_SUITE_P(LogFormats, EngineKvKeysTest, ::testing::Values("ARROW", "INDEXED"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace thalweg::tablet
