#include "thalweg/query/writer.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "arrow/array/array_base.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "arrow/util/byte_size.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/format/batch_encoder.h"
#include "thalweg/format/row_placer.h"
#include "thalweg/query/align_rows_internal.h"
#include "thalweg/runtime/completion.h"
#include "thalweg/runtime/countdown.h"
#include "thalweg/runtime/random.h"
#include "thalweg/schema/partition_spec.h"
#include "thalweg/tablet/engine.h"

namespace thalweg::query {
namespace {

// About so many bytes of rows go into one batch of a bucket: what they change in a changelog is some times that, and must fit the
// journal.
constexpr int64_t kBatchBytes = 2 << 20;
constexpr size_t kBatchBytesMax = 64 << 20;

arrow::Status CheckKind(const Table& table, WriteKind kind) {
  if (table.is_virtual()) {
    return Error(ErrorCode::kInvalidTable, "{} is there to be read: write to {}.", table.path(), table.base()->path);
  }
  const bool keyed = table.kind() == TableKind::kPrimaryKey;
  if (keyed == (kind != WriteKind::kAppend)) return arrow::Status::OK();
  return Error(ErrorCode::kInvalidTable, "{} has {}", table.path(),
               keyed ? "a primary key: upsert rows into it." : "no primary key: append to it.");
}

/// Columns that every row needs a value for.
std::vector<size_t> NeededColumns(const Table& table, WriteKind kind, const std::vector<size_t>& given) {
  const auto& schema = table.base()->schema();
  const auto keys = schema.PrimaryKeyIndexes();
  std::vector<size_t> needed;
  for (size_t i = 0; i < schema.column_count(); ++i) {
    const bool is_key = std::ranges::find(keys, i) != keys.end();
    const bool is_given = std::ranges::find(given, i) != given.end();
    const bool counts = kind == WriteKind::kAppend || (kind == WriteKind::kUpsert && is_given) || is_key;
    if (counts && !schema.columns()[i].type.nullable) needed.push_back(i);
  }
  return needed;
}

/// One batch of one bucket, and what became of it.
struct Batch {
  TableBucket bucket;
  std::shared_ptr<Buffer> records;
  int64_t rows = 0;
  arrow::Status status;
  LogOffset base;
  LogOffset end;
};

arrow::Result<WriteAnswer> AnswerOf(const std::vector<Batch>& batches, int64_t rows, const schema::TablePath& path) {
  WriteAnswer answer{.rows = rows};
  arrow::Status failed;
  int64_t written = 0;
  for (const Batch& batch : batches) {
    if (!batch.status.ok()) {
      if (failed.ok()) failed = batch.status;
      continue;
    }
    written += batch.rows;
    answer.token.Add(batch.bucket, batch.end);
    auto* last = answer.buckets.empty() ? nullptr : &answer.buckets.back();
    if (last && last->bucket == batch.bucket) {
      last->end = std::max(last->end, batch.end);
      last->rows += batch.rows;
    } else {
      answer.buckets.push_back({batch.bucket, batch.base, batch.end, batch.rows});
    }
  }
  if (failed.ok()) return answer;
  return Error(CodeOf(failed), "{} of {} rows were written to {}, then: {}", written, rows, path, failed.message());
}

/// All batches of one Start, until the last is durable; whoever waits and what works on them share it.
struct Sending {
  const Environment& environment;
  TablePtr table;
  WriteKind kind = WriteKind::kAppend;
  int64_t timeout_ms = 0;
  tablet::PutRequest put;  ///< but for the batch
  std::vector<Batch> batches;
  int64_t rows = 0;
  runtime::Completion<arrow::Result<WriteAnswer>> done;
};

runtime::Task<> AppendOne(const Sending& sending, Batch& batch) {
  auto request = tablet::AppendRequest::Make(batch.records, batch.records->view(), kBatchBytesMax);
  if (!request.ok()) {
    batch.status = request.status();
    co_return;
  }
  const auto& environment = sending.environment;
  const auto appended = co_await environment.engine.Append(batch.bucket, std::move(*request), true, sending.timeout_ms,
                                                           environment.workers);
  batch.status = appended.status();
  if (!appended.ok()) co_return;
  batch.base = appended->base;
  batch.end = appended->base + batch.rows;
}

runtime::Task<> PutOne(const Sending& sending, Batch& batch) {
  tablet::PutRequest put = sending.put;
  put.owner = batch.records;
  put.batch = batch.records->view();
  const auto& environment = sending.environment;
  const auto done =
      co_await environment.engine.Put(batch.bucket, std::move(put), true, sending.timeout_ms, environment.workers);
  batch.status = done.status();
  if (done.ok()) batch.base = batch.end = done->end;
}

/// All batches have been handed to the engine, in their order, when this waits for the first time.
runtime::Task<> SendAll(std::shared_ptr<Sending> sending) {
  int64_t bytes = 0;
  for (const Batch& batch : sending->batches) bytes += static_cast<int64_t>(batch.records->size());
  // Counted, not waited for: who writes what he reads would wait for himself.
  sending->environment.memory.Grow(bytes);
  {
    const runtime::ByteBudget::Hold hold(sending->environment.memory, bytes);
    std::vector<runtime::Task<>> sends;
    sends.reserve(sending->batches.size());
    for (Batch& batch : sending->batches) {
      sends.push_back(sending->kind == WriteKind::kAppend ? AppendOne(*sending, batch) : PutOne(*sending, batch));
    }
    co_await runtime::WhenAll(sending->environment.workers, std::move(sends));
    co_await runtime::EnsureOn(sending->environment.workers);
  }
  sending->done.Set(AnswerOf(sending->batches, sending->rows, sending->table->path()));
}

class TableWriting final : public Writing {
 public:
  explicit TableWriting(std::shared_ptr<Sending> sending) : sending_(std::move(sending)) {}
  runtime::Task<arrow::Result<WriteAnswer>> Wait(runtime::Executor& home) override {
    auto answer = co_await sending_->done.Wait(home);
    co_await runtime::EnsureOn(home);
    co_return answer;
  }

 private:
  const std::shared_ptr<Sending> sending_;
};

class TableWriter final : public Writer {
 public:
  TableWriter(Session session, WriterOptions options, format::BatchEncoder encoder, format::RowPlacer placer)
      : session_(std::move(session)),
        environment_(session_.environment()),
        options_(std::move(options)),
        encoder_(std::move(encoder)),
        placer_(std::move(placer)) {}

  runtime::Task<arrow::Result<std::unique_ptr<Writing>>> Start(std::shared_ptr<arrow::RecordBatch> rows,
                                                               runtime::Executor& home) override {
    co_await runtime::EnsureOn(environment_.workers);
    auto sending = co_await Prepare(std::move(rows));
    if (sending.ok()) runtime::Spawn(SendAll(*sending));
    co_await runtime::EnsureOn(home);
    TW_CO_RETURN_NOT_OK(sending.status());
    co_return std::make_unique<TableWriting>(std::move(*sending));
  }

 private:
  runtime::Task<arrow::Result<std::shared_ptr<Sending>>> Prepare(std::shared_ptr<arrow::RecordBatch> rows) {
    const Table& table = *options_.table;
    const auto& base = *table.base();
    // Rights may have been taken back since.
    TW_CO_RETURN_NOT_OK(
        session_.Require(security::Operation::kWrite, security::Resource::Table(base.path.database, base.path.table)));
    std::shared_ptr<Sending> sending(new Sending{.environment = environment_,
                                                 .table = options_.table,
                                                 .kind = options_.kind,
                                                 .timeout_ms = options_.timeout_ms,
                                                 .put = {},
                                                 .batches = {},
                                                 .rows = rows->num_rows(),
                                                 .done = {}});
    if (rows->num_rows() == 0) co_return sending;
    TW_CO_ASSIGN_OR_RETURN(const auto aligned, AlignRows(*rows, base.schema(), table.path()));
    TW_CO_RETURN_NOT_OK(
        CheckNoNulls(*aligned.rows, NeededColumns(table, options_.kind, aligned.given), base.schema(), table.path()));
    TW_CO_ASSIGN_OR_RETURN(const auto placed, placer_.Place(*aligned.rows));
    TW_CO_ASSIGN_OR_RETURN(const auto partitions, co_await FindPartitions(placed));
    TW_CO_ASSIGN_OR_RETURN(sending->batches, Encode(aligned.rows, placed, partitions));
    tablet::PutRequest& put = sending->put;
    put.overwrite = options_.overwrite;
    put.all_targets_are_whole_rows = true;
    if (options_.kind != WriteKind::kAppend) {
      const auto now = environment_.catalog.view()->FindTable(table.id());
      if (!now) co_return Error(ErrorCode::kUnknownTableOrBucket, "{} was dropped.", table.path());
      TW_CO_ASSIGN_OR_RETURN(put.table, environment_.kv_table_of(*now));
      // Of columns that came after the table was found nothing can be said: they stay as they are.
      const bool whole = aligned.given.size() == now->schema().column_count();
      if (options_.kind == WriteKind::kUpsert && !whole) {
        for (const size_t column : aligned.given) put.target_columns.push_back(static_cast<int32_t>(column));
      }
    }
    co_return sending;
  }

  /// The partitions of the rows; those that are missing are created, or left out where rows are to be deleted.
  runtime::Task<arrow::Result<std::map<std::vector<std::string>, PartitionId>>> FindPartitions(
      const std::vector<format::PlacedRows>& placed) {
    std::map<std::vector<std::string>, PartitionId> partitions;
    const auto& base = *options_.table->base();
    for (const auto& place : placed) {
      if (place.partition.empty() || partitions.contains(place.partition)) continue;
      const auto now = environment_.catalog.view()->FindTable(base.id);
      if (!now) co_return Error(ErrorCode::kUnknownTableOrBucket, "{} was dropped.", base.path);
      const auto* found = now->partitions.Find(schema::PartitionName(place.partition));
      if (found) {
        partitions.emplace(place.partition, (*found)->id);
      } else if (options_.kind != WriteKind::kDelete) {
        schema::PartitionSpec spec;
        for (size_t i = 0; i < place.partition.size(); ++i) {
          spec.emplace_back(base.descriptor->partition_keys[i], place.partition[i]);
        }
        TW_CO_ASSIGN_OR_RETURN(const auto created, co_await environment_.catalog.CreatePartition(
                                                       base.path, std::move(spec), true, environment_.workers));
        if (created->table != base.id) {
          co_return Error(ErrorCode::kUnknownTableOrBucket, "{} was dropped, and is another table now.", base.path);
        }
        partitions.emplace(place.partition, created->id);
      }
    }
    co_return partitions;
  }

  arrow::Result<std::vector<Batch>> Encode(const std::shared_ptr<arrow::RecordBatch>& rows,
                                           const std::vector<format::PlacedRows>& placed,
                                           const std::map<std::vector<std::string>, PartitionId>& partitions) const {
    std::vector<Batch> batches;
    const int64_t row_bytes = std::max<int64_t>(arrow::util::TotalBufferSize(*rows) / rows->num_rows(), 1);
    const int64_t rows_max = std::max<int64_t>(kBatchBytes / row_bytes, 1);
    for (const auto& place : placed) {
      TableBucket bucket{options_.table->id(), kNoPartition, place.bucket};
      if (!place.partition.empty()) {
        const auto partition = partitions.find(place.partition);
        if (partition == partitions.end()) continue;
        bucket.partition = partition->second;
      }
      ARROW_ASSIGN_OR_RAISE(const auto picked, format::PickRows(rows, place.rows));
      for (int64_t from = 0; from < picked->num_rows(); from += rows_max) {
        const auto part = picked->Slice(from, std::min(rows_max, picked->num_rows() - from));
        ARROW_ASSIGN_OR_RAISE(const auto bytes, options_.kind == WriteKind::kDelete
                                                    ? encoder_.EncodeDeletes(*part, kNoWriter, -1)
                                                    : encoder_.Encode(*part, kNoWriter, -1));
        Batch& batch = batches.emplace_back(Batch{.bucket = bucket, .rows = part->num_rows()});
        batch.records = std::make_shared<Buffer>(bytes.size());
        std::ranges::copy(bytes.view(), batch.records->data());
      }
    }
    return batches;
  }

  const Session session_;
  const Environment& environment_;
  const WriterOptions options_;
  const format::BatchEncoder encoder_;
  format::RowPlacer placer_;
};

}  // namespace

runtime::Task<arrow::Result<WriteAnswer>> Writer::Write(std::shared_ptr<arrow::RecordBatch> rows,
                                                        runtime::Executor& home) {
  TW_CO_ASSIGN_OR_RETURN(const auto writing, co_await Start(std::move(rows), home));
  co_return co_await writing->Wait(home);
}

arrow::Result<std::unique_ptr<Writer>> Writer::Make(Session session, WriterOptions options) {
  const auto& base = *options.table->base();
  ARROW_RETURN_NOT_OK(CheckKind(*options.table, options.kind));
  ARROW_RETURN_NOT_OK(
      session.Require(security::Operation::kWrite, security::Resource::Table(base.path.database, base.path.table)));
  ARROW_ASSIGN_OR_RAISE(const auto* config, base.layout->Config());
  if (options.kind == WriteKind::kDelete && config->delete_behavior == schema::DeleteBehavior::kDisable) {
    return Error(ErrorCode::kDeletionDisabled, "{} takes no deletes: table.delete.behavior is disable.", base.path);
  }
  ARROW_ASSIGN_OR_RAISE(auto encoder, format::BatchEncoder::Make(base.schema_id(), *base.descriptor));
  // Not always the same bucket first: many short writes should fill all of them.
  ARROW_ASSIGN_OR_RAISE(auto placer, format::RowPlacer::Make(*base.descriptor, runtime::SystemRandom().Next()));
  return std::make_unique<TableWriter>(std::move(session), std::move(options), std::move(encoder), std::move(placer));
}

}  // namespace thalweg::query
