#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arrow/array/builder_binary.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/array/concatenate.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/check.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/format/arrow_datum.h"
#include "thalweg/kv/memory_state_store.h"
#include "thalweg/kv/store_pool.h"
#include "thalweg/query/definitions.h"
#include "thalweg/query/environment.h"
#include "thalweg/query/lookup.h"
#include "thalweg/query/scan.h"
#include "thalweg/query/session.h"
#include "thalweg/query/writer.h"
#include "thalweg/tablet/engine.h"
#include "thalweg/testing/memory_file_system.h"
#include "thalweg/testing/memory_meta_store.h"
#include "thalweg/testing/sim_clock.h"
#include "thalweg/testing/sim_executor.h"

namespace thalweg::query {

/// States that are gone with the server. For tests.
class MemoryStates final : public kv::StoreFactory {
 public:
  arrow::Result<std::unique_ptr<kv::StateStore>> Open(const TableBucket&) override {
    return std::make_unique<kv::MemoryStateStore>();
  }
  arrow::Status Remove(const TableBucket&) override { return arrow::Status::OK(); }
};

inline schema::Column TestColumn(std::string name, schema::DataType type) {
  return {.name = std::move(name), .type = std::move(type)};
}

/// (id BIGINT, name STRING, score INT); `key` its primary key.
inline schema::TableDescriptor TestTable(std::vector<std::string> key = {}, int32_t buckets = 1,
                                         std::vector<std::string> partition_keys = {}) {
  schema::TableDescriptor table;
  table.schema = schema::Schema::Make({.columns = {TestColumn("id", schema::MakeType(schema::TypeKind::kBigInt)),
                                                   TestColumn("name", schema::MakeType(schema::TypeKind::kString)),
                                                   TestColumn("score", schema::MakeType(schema::TypeKind::kInt))},
                                       .primary_key = std::move(key)})
                     .ValueOrDie();
  table.partition_keys = std::move(partition_keys);
  table.bucket_count = buckets;
  return table;
}

/// Rows of TestTable: (i, "name i", i % 10) for i from `first` on.
inline std::shared_ptr<arrow::RecordBatch> TestRows(int64_t first, int64_t count, const std::string& name = "name ") {
  arrow::Int64Builder ids;
  arrow::StringBuilder names;
  arrow::Int32Builder scores;
  for (int64_t i = first; i < first + count; ++i) {
    TW_CHECK(ids.Append(i).ok() && names.Append(name + std::to_string(i)).ok() &&
             scores.Append(static_cast<int32_t>(i % 10)).ok());
  }
  return arrow::RecordBatch::Make(
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("name", arrow::utf8()),
                     arrow::field("score", arrow::int32())}),
      count, {ids.Finish().ValueOrDie(), names.Finish().ValueOrDie(), scores.Finish().ValueOrDie()});
}

/// All batches as one.
inline std::shared_ptr<arrow::RecordBatch> Joined(const std::shared_ptr<arrow::Schema>& schema,
                                                  const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches) {
  if (batches.empty()) return arrow::RecordBatch::MakeEmpty(schema).ValueOrDie();
  int64_t count = 0;
  for (const auto& batch : batches) count += batch->num_rows();
  arrow::ArrayVector columns;
  for (int i = 0; i < schema->num_fields(); ++i) {
    arrow::ArrayVector parts;
    for (const auto& batch : batches) parts.push_back(batch->column(i));
    columns.push_back(arrow::Concatenate(parts).ValueOrDie());
  }
  return arrow::RecordBatch::Make(schema, count, std::move(columns));
}

/// The values of a whole number column.
inline std::vector<int64_t> Numbers(const arrow::RecordBatch& rows, int column) {
  std::vector<int64_t> numbers;
  for (int64_t i = 0; i < rows.num_rows(); ++i) {
    const auto value = format::DatumAt(*rows.column(column), i);
    numbers.push_back(value.is_null() ? -1 : *value.get_if<int64_t>());
  }
  return numbers;
}

inline std::vector<std::string> Texts(const arrow::RecordBatch& rows, int column) {
  std::vector<std::string> texts;
  for (int64_t i = 0; i < rows.num_rows(); ++i) {
    const auto value = format::DatumAt(*rows.column(column), i);
    texts.push_back(value.is_null() ? "null" : *value.get_if<std::string>());
  }
  return texts;
}

inline std::vector<int64_t> Range(int64_t first, int64_t end) {
  std::vector<int64_t> range;
  for (int64_t i = first; i < end; ++i) range.push_back(i);
  return range;
}

/// A catalog and an engine in one thread. For tests.
class QueryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 2; ++i) shards_.push_back(&sim_.MakeThread("shard"));
    disk_.CreateDurableDirectories("d");
    catalog_ = sim_.Await(catalog::Catalog::Open(store_, clock_, {}, home_)).ValueOrDie();
    OpenEngine();
  }
  void TearDown() override {
    sim_.RunFor(std::chrono::minutes(1));
    engine_->Stop(1000);
    environment_.reset();
    engine_.reset();
  }

  void OpenEngine() {
    tablet::EngineOptions options;
    options.directory = "d";
    options.journal.ring = {.bytes_max = 8 << 20, .file_bytes = 2 << 20, .first_file_bytes = 1 << 20};
    options.log.segment_bytes_max = segment_bytes_;
    options.kv.stores = &states_;
    options.kv.scans.per_bucket_max = 2;
    options.kv.table_of = [this](const TableBucket& bucket) -> std::shared_ptr<const tablet::KvTable> {
      const auto table = catalog_->view()->FindTable(bucket.table);
      if (!table || !table->descriptor->HasPrimaryKey()) return nullptr;
      return KvTableOf(*table).ValueOr(nullptr);
    };
    options.kv.reserve_numbers = [this](TableId table, int32_t column, int64_t count, runtime::Executor& home) {
      return catalog_->ReserveRowNumbers(table, column, count, home);
    };
    engine_ = tablet::Engine::Open(
                  {.fs = disk_, .clock = clock_, .shards = shards_, .journal_thread = journal_thread_, .pool = pool_},
                  options, [](const TableBucket&) { return true; })
                  .ValueOrDie();
    environment_.reset(new Environment{.catalog = *catalog_,
                                       .engine = *engine_,
                                       .clock = clock_,
                                       .workers = workers_,
                                       .worker_count = 3,
                                       .memory = memory_,
                                       .kv_table_of = KvTableOf,
                                       .policy = policy_ ? &*policy_ : nullptr});
  }

  /// So that logs are read from files.
  void Reopen() {
    sim_.RunFor(std::chrono::minutes(1));
    engine_->Stop(1000);
    sim_.RunFor(std::chrono::seconds(1));  // what it has left to the shards
    environment_.reset();
    engine_.reset();
    OpenEngine();
  }

  static arrow::Result<std::shared_ptr<const tablet::KvTable>> KvTableOf(const catalog::Table& table) {
    return tablet::KvTable::Make(*table.descriptor, table.schemas);
  }

  Session AsUser(const std::string& name = "ann") { return Session(*environment_, {{"User", name}, "127.0.0.1"}); }

  TablePtr Create(const std::string& name, const schema::TableDescriptor& table) {
    auto created = sim_.Await(CreateTable(AsUser(), {"fluss", name}, table, false, home_));
    EXPECT_TRUE(created.ok()) << created.status();
    return created.ok() ? *created : nullptr;
  }
  TablePtr Find(const std::string& name) {
    auto found = AsUser().FindTable({"fluss", name});
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? *found : nullptr;
  }

  arrow::Result<WriteAnswer> TryWrite(const TablePtr& table, WriteKind kind, std::shared_ptr<arrow::RecordBatch> rows) {
    ARROW_ASSIGN_OR_RAISE(const auto writer, Writer::Make(AsUser(), {.table = table, .kind = kind}));
    return sim_.Await(writer->Write(std::move(rows), home_));
  }
  WriteAnswer Write(const TablePtr& table, WriteKind kind, std::shared_ptr<arrow::RecordBatch> rows) {
    auto answer = TryWrite(table, kind, std::move(rows));
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? *answer : WriteAnswer();
  }
  WriteAnswer Append(const TablePtr& table, std::shared_ptr<arrow::RecordBatch> rows) {
    return Write(table, WriteKind::kAppend, std::move(rows));
  }
  WriteAnswer Upsert(const TablePtr& table, std::shared_ptr<arrow::RecordBatch> rows) {
    return Write(table, WriteKind::kUpsert, std::move(rows));
  }

  arrow::Result<std::shared_ptr<Scan>> Open(ScanRequest request) {
    return sim_.Await(Scan::Open(AsUser(), std::move(request), home_));
  }
  arrow::Result<ScanBatch> Next(ScanStream& stream) { return sim_.Await(stream.Next(home_)); }

  /// All rows, through `streams` streams one after the other.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> TryRead(ScanRequest request, size_t streams = 1) {
    ARROW_ASSIGN_OR_RAISE(last_, Open(std::move(request)));
    std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
    for (const auto& stream : last_->Split(streams)) {
      while (true) {
        ARROW_ASSIGN_OR_RAISE(auto batch, Next(*stream));
        if (!batch.rows) break;
        EXPECT_TRUE(batch.rows->schema()->Equals(last_->schema()));
        const auto sound = batch.rows->ValidateFull();
        EXPECT_TRUE(sound.ok()) << sound;
        batches.push_back(std::move(batch.rows));
      }
    }
    return Joined(last_->schema(), batches);
  }
  std::shared_ptr<arrow::RecordBatch> Read(ScanRequest request, size_t streams = 1) {
    auto rows = TryRead(std::move(request), streams);
    EXPECT_TRUE(rows.ok()) << rows.status();
    return rows.ok() ? *rows : arrow::RecordBatch::MakeEmpty(arrow::schema({})).ValueOrDie();
  }

  static format::Predicate Leaf(const TablePtr& table, const std::string& column, format::LeafFunction function,
                                std::vector<format::Datum> literals) {
    const auto at = table->FindColumn(column).ValueOrDie();
    return format::Predicate::Leaf(function, table->schema().columns()[static_cast<size_t>(at)].id,
                                   std::move(literals));
  }

  uint64_t segment_bytes_ = 1ull << 30;
  testing::SimScheduler sim_{7};
  testing::SimClock clock_{sim_};
  testing::SimExecutor& home_ = sim_.MakeThread("home");
  testing::SimExecutor& journal_thread_ = sim_.MakeThread("journal");
  testing::SimExecutor& pool_ = sim_.MakePool("blocking");
  testing::SimExecutor& workers_ = sim_.MakePool("workers");
  std::vector<runtime::Executor*> shards_;
  testing::MemoryFileSystem disk_;
  testing::MemoryMetaStore store_{pool_};
  runtime::ByteBudget memory_{64 << 20};
  MemoryStates states_;
  std::optional<security::AccessPolicy> policy_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<tablet::Engine> engine_;
  std::unique_ptr<Environment> environment_;
  std::shared_ptr<Scan> last_;  ///< what Read has opened
};

}  // namespace thalweg::query
