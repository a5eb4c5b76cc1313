#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "thalweg/format/changelog_reader.h"
#include "thalweg/format/kv_batch.h"
#include "thalweg/format/row_format.h"
#include "thalweg/format/row_records.h"
#include "thalweg/format/value_batch.h"
#include "thalweg/kv/memory_state_store.h"
#include "thalweg/kv/store_pool.h"
#include "thalweg/tablet/test_engine_internal.h"

namespace thalweg::tablet {

/// A state on the simulated disk: a map, of which a flush writes one whole file.
class FileStateStore final : public kv::StateStore {
 public:
  static arrow::Result<std::unique_ptr<kv::StateStore>> Open(io::FileSystem& fs, const std::string& folder) {
    ARROW_RETURN_NOT_OK(fs.CreateDirectories(folder));
    for (std::string at = folder; !at.empty() && at != "data"; at = io::ParentOf(at)) {
      ARROW_RETURN_NOT_OK(fs.SyncDirectory(io::ParentOf(at)));
    }
    auto store = std::make_unique<FileStateStore>(fs, folder);
    ARROW_ASSIGN_OR_RAISE(const bool exists, fs.Exists(folder + "/STATE"));
    store->rows_ = std::make_unique<kv::MemoryStateStore>();
    if (exists) {
      ARROW_ASSIGN_OR_RAISE(store->rows_, kv::MemoryStateStore::Open(fs, folder));
    }
    return store;
  }
  FileStateStore(io::FileSystem& fs, std::string folder) : fs_(fs), folder_(std::move(folder)) {}

  arrow::Status MultiGet(std::span<const ByteView> keys, kv::RowBatch* rows) override {
    return rows_->MultiGet(keys, rows);
  }
  arrow::Status Apply(std::span<const kv::RowChange> changes, const kv::StateMeta& meta) override {
    return rows_->Apply(changes, meta);
  }
  kv::StateMeta meta() const override { return rows_->meta(); }
  arrow::Result<std::unique_ptr<kv::StateSnapshot>> TakeSnapshot() override { return rows_->TakeSnapshot(); }
  arrow::Status Flush() override {
    ARROW_ASSIGN_OR_RAISE(const auto files, rows_->HoldFiles());
    return io::ReplaceFile(fs_, folder_ + "/STATE", AsBytes(files->files().front().content));
  }
  arrow::Result<std::unique_ptr<kv::StateFiles>> HoldFiles() override { return rows_->HoldFiles(); }

 private:
  io::FileSystem& fs_;
  const std::string folder_;
  std::unique_ptr<kv::MemoryStateStore> rows_;
};

class FileStores final : public kv::StoreFactory {
 public:
  explicit FileStores(io::FileSystem& fs) : fs_(fs) {}
  arrow::Result<std::unique_ptr<kv::StateStore>> Open(const TableBucket& bucket) override {
    return FileStateStore::Open(fs_, BucketDirectory("data/kv", bucket));
  }
  arrow::Status Remove(const TableBucket& bucket) override {
    const std::string folder = BucketDirectory("data/kv", bucket);
    ARROW_ASSIGN_OR_RAISE(const bool exists, fs_.Exists(folder));
    return exists ? fs_.RemoveTree(folder) : arrow::Status::OK();
  }

 private:
  io::FileSystem& fs_;
};

/// A table of (id INT primary key, name STRING) with these options.
inline std::shared_ptr<const KvTable> TestKvTable(std::map<std::string, std::string> properties = {},
                                                  bool with_score = false) {
  using schema::MakeType;
  using schema::TypeKind;
  schema::Schema::Parts parts{.columns = {{.name = "id", .type = MakeType(TypeKind::kInt)},
                                          {.name = "name", .type = MakeType(TypeKind::kString)}},
                              .primary_key = {"id"}};
  std::vector<std::shared_ptr<const schema::Schema>> schemas;
  schemas.push_back(std::make_shared<schema::Schema>(schema::Schema::Make(parts).ValueOrDie()));
  if (with_score) {
    const schema::Column score{.name = "score", .type = MakeType(TypeKind::kBigInt)};
    schemas.push_back(std::make_shared<schema::Schema>(schemas.back()->WithColumn(score).ValueOrDie()));
  }
  properties.try_emplace("table.kv.format-version", "2");
  schema::TableDescriptor descriptor{.schema = *schemas.back(), .bucket_count = 1, .properties = std::move(properties)};
  EXPECT_TRUE(descriptor.Normalize().ok());
  return KvTable::Make(descriptor, std::move(schemas)).ValueOrDie();
}

inline std::string TestKey(int32_t id) {
  using schema::TypeKind;
  const auto type = schema::NotNull(schema::MakeType(TypeKind::kInt));
  const auto bytes = format::EncodeKey(format::KeyFormat::kCompacted, {{format::Datum{int64_t{id}}}}, {{type}});
  return std::string(AsText(bytes.ValueOrDie()));
}

inline std::string TestRow(int32_t id, const std::string& name) {
  using schema::TypeKind;
  const std::vector<format::Datum> values = {{int64_t{id}}, {name}};
  const std::vector<schema::DataType> types = {schema::NotNull(schema::MakeType(TypeKind::kInt)),
                                               schema::MakeType(TypeKind::kString)};
  return std::string(AsText(format::EncodeRow(format::RowFormat::kCompacted, values, types).ValueOrDie()));
}

inline std::string NameIn(ByteView value) {
  using schema::TypeKind;
  const std::vector<schema::DataType> types = {schema::NotNull(schema::MakeType(TypeKind::kInt)),
                                               schema::MakeType(TypeKind::kString)};
  const auto stored = format::ParseStoredValue(value).ValueOrDie();
  const auto row = format::DecodeRow(format::RowFormat::kCompacted, stored.row, types);
  EXPECT_TRUE(row.ok()) << row.status();
  return row.ok() ? *(*row)[1].get_if<std::string>() : "?";
}

/// One row to put, or to delete where it has no name.
struct TestPut {
  int32_t id;
  std::optional<std::string> name;
};
using TestRows = std::map<int32_t, std::string>;

struct PutAnswer {
  std::optional<arrow::Result<Engine::PutDone>> result;
  bool done() const { return result.has_value(); }
  bool ok() const { return result && result->ok(); }
  int64_t end() const { return (*result)->end.value; }
  ErrorCode code() const { return result ? CodeOf(result->status()) : ErrorCode::kNone; }
};

/// A SimEngine whose buckets keep rows by key.
class SimRows : public SimEngine {
 public:
  explicit SimRows(testing::MemoryFileSystem& disk, uint64_t seed = 1, size_t shard_count = 2)
      : SimEngine(disk, seed, shard_count), stores(disk) {
    options.kv.stores = &stores;
    options.kv.table_of = [this](const TableBucket&) -> arrow::Result<std::shared_ptr<const KvTable>> {
      ARROW_RETURN_NOT_OK(table_error);
      return table;
    };
    options.kv.open_stores_max = 2;
    options.kv.flusher.delay_ns = 700'000'000;
    options.kv.replay_bytes = 600;
  }
  ~SimRows() { Stop(); }

  std::shared_ptr<PutAnswer> StartPut(const TableBucket& bucket, const std::vector<TestPut>& puts,
                                      WriterId writer = kNoWriter, int32_t sequence = -1,
                                      SchemaId schema = SchemaId(1)) {
    format::KvBatchBuilder builder;
    for (const auto& put : puts) {
      const std::string row = put.name ? TestRow(put.id, *put.name) : "";
      builder.Append(AsBytes(TestKey(put.id)), put.name ? std::optional(AsBytes(row)) : std::nullopt);
    }
    const ByteView batch = builder.Finish(schema, writer, sequence);
    auto owner = std::make_shared<Buffer>(batch.size());
    std::ranges::copy(batch, owner->data());
    return StartPut(bucket, std::move(owner));
  }

  std::shared_ptr<PutAnswer> StartPut(const TableBucket& bucket, std::shared_ptr<Buffer> batch) {
    auto answer = std::make_shared<PutAnswer>();
    const auto run = [](SimRows& sim, TableBucket id, PutRequest request,
                        std::shared_ptr<PutAnswer> into) -> runtime::Task<> {
      runtime::Executor& shard = sim.engine->ShardOf(id);
      into->result.emplace(co_await sim.engine->Put(id, std::move(request), true, 30'000, shard));
    };
    const ByteView view = batch->view();
    runtime::Spawn(run(*this, bucket,
                       {.table = table,
                        .target_columns = targets,
                        .only_missing = only_missing,
                        .owner = std::move(batch),
                        .batch = view},
                       answer));
    return answer;
  }

  std::shared_ptr<PutAnswer> Put(const TableBucket& bucket, const std::vector<TestPut>& puts,
                                 WriterId writer = kNoWriter, int32_t sequence = -1) {
    auto answer = StartPut(bucket, puts, writer, sequence);
    EXPECT_TRUE(scheduler.RunUntil([&] { return answer->done(); }, std::chrono::minutes(2)));
    return answer;
  }

  /// The names of those of `ids` that are there.
  TestRows Lookup(const TableBucket& bucket, const std::vector<int32_t>& ids) {
    const auto run = [](SimRows& sim, TableBucket id, std::span<const ByteView> keys,
                        FoundRows& rows) -> runtime::Task<arrow::Status> {
      runtime::Executor& shard = sim.engine->ShardOf(id);
      co_return co_await sim.engine->Lookup(id, keys, rows, shard);
    };
    std::vector<std::string> texts;
    for (const int32_t id : ids) texts.push_back(TestKey(id));
    std::vector<ByteView> keys;
    for (const auto& text : texts) keys.push_back(AsBytes(text));
    FoundRows rows;
    const auto status = scheduler.Await(run(*this, bucket, keys, rows));
    EXPECT_TRUE(status.ok()) << status;
    TestRows found;
    for (size_t i = 0; status.ok() && i < ids.size(); ++i) {
      if (const auto value = rows.At(i)) found[ids[i]] = NameIn(*value);
    }
    return found;
  }

  std::vector<std::string> Scan(const TableBucket& bucket, int64_t limit = INT64_MAX) {
    const auto run = [](SimRows& sim, TableBucket id, int64_t count) -> runtime::Task<arrow::Result<ScannedRows>> {
      runtime::Executor& shard = sim.engine->ShardOf(id);
      co_return co_await sim.engine->ScanRows(id, {.prefix = {}, .limit = count}, shard);
    };
    const auto rows = scheduler.Await(run(*this, bucket, limit));
    EXPECT_TRUE(rows.ok()) << rows.status();
    std::vector<std::string> names;
    if (!rows.ok()) return names;
    for (const ByteView value : rows->Values()) names.push_back(NameIn(value));
    return names;
  }

  int64_t CountRows(const TableBucket& bucket) {
    const auto run = [](SimRows& sim, TableBucket id) -> runtime::Task<arrow::Result<int64_t>> {
      runtime::Executor& shard = sim.engine->ShardOf(id);
      co_return co_await sim.engine->CountRows(id, shard);
    };
    const auto count = scheduler.Await(run(*this, bucket));
    EXPECT_TRUE(count.ok()) << count.status();
    return count.ok() ? *count : -1;
  }

  /// The changelog: what each batch did, as "+I 1 a, -D 1 a"; and what all of it adds up to.
  struct Changelog {
    std::vector<std::string> batches;
    TestRows rows;
    int64_t end = 0;
  };
  /// Of batches that begin below `until`.
  Changelog ReadChangelog(const TableBucket& bucket, int64_t until = INT64_MAX) {
    Changelog log;
    LogOffset from = kEarliest;
    while (log.end < until) {
      const ReadResult result = Read({.bucket = bucket, .from = from, .bytes_max = 3000, .at_least_one = true});
      EXPECT_TRUE(result.status.ok()) << result.status;
      if (!result.status.ok() || result.bytes == 0) break;
      std::string bytes;
      if (const auto* memory = std::get_if<MemoryRange>(&result.data)) {
        for (const auto& run : memory->runs) bytes += AsText(run.batches.view());
      } else if (const auto* range = std::get_if<log::LogRange>(&result.data)) {
        bytes.resize(range->bytes);
        EXPECT_TRUE(
            range->file->ReadAt(range->position, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()}).ok());
      }
      for (format::BatchIterator it(AsBytes(bytes)); !it.AtEnd();) {
        const auto batch = it.Next().ValueOrDie();
        if (log.end >= until) break;
        EXPECT_TRUE(format::VerifyCrc(batch).ok());
        EXPECT_EQ(batch.header.base_offset.value, log.end);
        log.end = batch.header.next_offset().value;
        log.batches.push_back(Describe(batch, log.rows));
      }
      from = result.next;
    }
    return log;
  }

  FileStores stores;
  std::shared_ptr<const KvTable> table = TestKvTable({{"table.log.format", "COMPACTED"}});
  arrow::Status table_error;  ///< its options cannot be read
  std::vector<int32_t> targets;
  bool only_missing = false;

 private:
  std::string Describe(const format::LogBatchView& batch, TestRows& rows) {
    std::string text;
    auto records = batch.body();
    if (table->config().log_format == schema::LogFormat::kArrow) {
      auto reader = table->MakeReader();
      EXPECT_TRUE(reader.Start(batch, *table->FindSchema(batch.header.schema_id)).ok());
      while (reader.Next()) Apply(reader.change_type(), reader.row(), rows, text);
      EXPECT_TRUE(reader.status().ok()) << reader.status();
      return text;
    }
    for (int32_t i = 0; i < batch.header.record_count; ++i) {
      const auto record = format::NextRowRecord(&records).ValueOrDie();
      Apply(record.change_type, record.row, rows, text);
    }
    return text;
  }

  void Apply(format::ChangeType type, ByteView bytes, TestRows& rows, std::string& text) {
    static constexpr const char* kNames[] = {"+A", "+I", "-U", "+U", "-D"};
    std::vector<schema::DataType> types;
    for (const auto& column : table->schema().columns()) types.push_back(column.type);
    const auto row = format::DecodeRow(format::RowFormat::kCompacted, bytes, types).ValueOrDie();
    const auto id = static_cast<int32_t>(*row[0].get_if<int64_t>());
    const std::string name = row[1].is_null() ? "null" : *row[1].get_if<std::string>();
    if (!text.empty()) text += ", ";
    text += fmt::format("{} {} {}", kNames[static_cast<int>(type)], id, name);
    if (type == format::ChangeType::kDelete) rows.erase(id);
    if (type == format::ChangeType::kInsert || type == format::ChangeType::kUpdateAfter) rows[id] = name;
  }
};

}  // namespace thalweg::tablet
