// Puts that are refused, and what they must not leave behind.

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "thalweg/tablet/test_kv_internal.h"

namespace thalweg::tablet {
namespace {

using testing::MemoryFileSystem;
using testing::PowerLoss;

class EngineKvRefusalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    disk->CreateDurableDirectories("data");
    Start();
  }
  void Start() {
    sim = std::make_unique<SimRows>(*disk);
    sim->table = table;
    sim->options.kv.dirty_bytes_max = 256 << 10;
    ASSERT_TRUE(sim->Open().ok());
  }
  void Kill() {
    auto left = disk->PowerCut(PowerLoss::kKeepAll);
    sim.reset();
    disk = std::move(left);
    Start();
  }
  /// One row under a key of the caller's.
  std::shared_ptr<PutAnswer> PutUnder(const std::string& key, const std::string& row) {
    format::KvBatchBuilder builder;
    builder.Append(AsBytes(key), AsBytes(row));
    const ByteView batch = builder.Finish(SchemaId(1), kNoWriter, -1);
    auto owner = std::make_shared<Buffer>(batch.size());
    std::ranges::copy(batch, owner->data());
    auto answer = sim->StartPut(bucket, std::move(owner));
    EXPECT_TRUE(sim->scheduler.RunUntil([&] { return answer->done(); }));
    return answer;
  }
  static std::string RowWithoutId() {
    using schema::MakeType;
    using schema::TypeKind;
    const std::vector<format::Datum> values = {{}, {std::string("nobody")}};
    const std::vector<schema::DataType> types = {MakeType(TypeKind::kInt), MakeType(TypeKind::kString)};
    return std::string(AsText(format::EncodeRow(format::RowFormat::kCompacted, values, types).ValueOrDie()));
  }

  /// Whose names are strung together.
  static std::shared_ptr<const KvTable> ListingTable() {
    using schema::MakeType;
    using schema::TypeKind;
    schema::Schema::Parts parts{.columns = {{.name = "id", .type = MakeType(TypeKind::kInt)},
                                            {.name = "name", .type = MakeType(TypeKind::kString)}},
                                .primary_key = {"id"}};
    parts.columns[1].agg_function = schema::AggFunction{.type = "listagg"};
    const auto schema = std::make_shared<schema::Schema>(schema::Schema::Make(parts).ValueOrDie());
    schema::TableDescriptor descriptor{.schema = *schema,
                                       .bucket_count = 1,
                                       .properties = {{"table.log.format", "COMPACTED"},
                                                      {"table.kv.format-version", "2"},
                                                      {"table.merge-engine", "aggregation"}}};
    EXPECT_TRUE(descriptor.Normalize().ok());
    return KvTable::Make(descriptor, {schema}).ValueOrDie();
  }

  const TableBucket bucket = TestBucket(0);
  std::shared_ptr<const KvTable> table = TestKvTable({{"table.log.format", "COMPACTED"}});
  std::unique_ptr<MemoryFileSystem> disk = std::make_unique<MemoryFileSystem>();
  std::unique_ptr<SimRows> sim;
};

TEST_F(EngineKvRefusalTest, TheMemoryOfRefusedBatchesComesBack) {
  sim->table = TestKvTable({{"table.log.format", "COMPACTED"}, {"table.delete.behavior", "disable"}});
  for (int i = 0; i < 20; ++i) {
    const auto refused = sim->Put(bucket, {{1, std::string(60'000, 'a')}, {1, std::nullopt}});
    ASSERT_EQ(refused->code(), ErrorCode::kDeletionDisabled) << i << ": " << (*refused->result).status();
  }
  const auto other = sim->Put(TestBucket(1), {{1, "b"}});
  EXPECT_TRUE(other->ok()) << (*other->result).status();
  sim->RunFor(3'000);
  EXPECT_LT(sim->engine->stats().kv.dirty_bytes, 60'000);
}

TEST_F(EngineKvRefusalTest, ARowWithoutItsKeyIsRefusedAndTheBucketStaysReadable) {
  sim->Put(bucket, {{1, "a"}});
  const auto put = PutUnder(TestKey(2), RowWithoutId());
  EXPECT_EQ(put->code(), ErrorCode::kCorruptRecord);
  Kill();
  EXPECT_EQ(sim->Lookup(bucket, {1, 2}), (TestRows{{1, "a"}}));
}

TEST_F(EngineKvRefusalTest, ARowUnderAnotherKeyIsRefused) {
  const auto put = PutUnder(TestKey(1), TestRow(2, "b"));
  EXPECT_EQ(put->code(), ErrorCode::kCorruptRecord);
  sim->Put(bucket, {{3, "c"}});
  const auto before = sim->Lookup(bucket, {1, 2, 3});
  Kill();
  EXPECT_EQ(sim->Lookup(bucket, {1, 2, 3}), before);
  EXPECT_EQ(before, (TestRows{{3, "c"}}));
}

TEST_F(EngineKvRefusalTest, ASmallBatchCannotAskForALargeRowWithoutEnd) {
  sim->table = TestKvTable({{"table.log.format", "COMPACTED"}, {"table.delete.behavior", "ignore"}});
  sim->Put(bucket, {{1, std::string(50'000, 'a')}});
  const std::vector<TestPut> many(20'000, {1, std::nullopt});
  const auto put = sim->Put(bucket, many);
  EXPECT_EQ(put->code(), ErrorCode::kRecordTooLarge) << "a GB of old rows for deletes that do nothing";
}

TEST_F(EngineKvRefusalTest, ASmallBatchCannotGrowARowWithoutEnd) {
  sim->table = ListingTable();
  const std::vector<TestPut> many(1'000, {1, std::string(100, 'a')});
  const auto put = sim->Put(bucket, many);
  ASSERT_EQ(put->code(), ErrorCode::kRecordTooLarge);
  EXPECT_NE((*put->result).status().message().find("smaller batches"), std::string::npos);
  EXPECT_LT(sim->engine->stats().kv.dirty_bytes, 16 << 20) << "it was refused before all of it was made";
}

}  // namespace
}  // namespace thalweg::tablet
