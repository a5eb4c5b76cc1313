#include "thalweg/tablet/kv_bucket.h"

#include <algorithm>

#include "thalweg/base/error.h"
#include "thalweg/format/kv_batch.h"

namespace thalweg::tablet {

namespace {

constexpr size_t kMergersKept = 8;

arrow::Status TooMuchAtOnce(uint64_t bytes_max) {
  return Error(ErrorCode::kRecordTooLarge,
               "The rows that the batch changes take more than {} bytes together, each as often as it is changed: send "
               "smaller batches.",
               bytes_max);
}

}  // namespace

arrow::Result<PutBatch> PutBatch::Parse(ByteView bytes) {
  ARROW_ASSIGN_OR_RAISE(const auto batch, format::ParseKvBatch(bytes));
  ARROW_RETURN_NOT_OK(format::VerifyKvCrc(batch));
  PutBatch parsed{.schema = batch.schema_id,
                  .writer = batch.writer_id.value >= 0 ? batch.writer_id : kNoWriter,
                  .sequence = batch.batch_sequence,
                  .keys = {},
                  .rows = {}};
  parsed.keys.reserve(static_cast<size_t>(batch.record_count));
  parsed.rows.reserve(static_cast<size_t>(batch.record_count));
  for (format::KvRecordIterator it(batch); !it.AtEnd();) {
    ARROW_ASSIGN_OR_RAISE(const auto record, it.Next());
    parsed.keys.push_back(record.key);
    parsed.rows.push_back(record.row);
  }
  return parsed;
}

void KvBucket::EndTurn() {
  if (line_.empty()) {
    busy_ = false;
    return;
  }
  // Not at once: the line may be long, and so would the stack be.
  shard_.Post([next = line_.front()] { next.resume(); });
  line_.pop_front();
}

void KvBucket::EndOpening(arrow::Status status, std::shared_ptr<FlushedState> state,
                          std::shared_ptr<const KvTable> table) {
  opening_ = false;
  opened_ = std::move(status);
  state_ = std::move(state);
  if (state_) UseTable(table);
  for (const auto waiting : std::exchange(waiting_, {})) waiting.resume();
}

void KvBucket::Abort() {
  state()->overlay().Abort();
  // The memory that the batch took comes back with a flush, and nobody else may ask for one.
  flusher_.NoteDirty(state_);
}

void KvBucket::Publish(LogOffset end) {
  if (!state_) return;
  state()->overlay().Publish(end);
  flusher_.NoteDirty(state_);
}

arrow::Result<int64_t> RowNumbers::Next() {
  if (left_ == 0) return Error(ErrorCode::kInvalidTable, "The auto-increment column has no numbers left.");
  auto& [next, end] = ranges_.front();
  const int64_t number = next++;
  if (next == end) ranges_.pop_front();
  --left_;
  if (number > last_) return Error(ErrorCode::kInvalidTable, "The auto-increment column has no numbers left.");
  return number;
}

void RowNumbers::Add(int64_t first, int64_t count) {
  // What lies beyond the last number there is cannot be given out.
  const int64_t end = first > INT64_MAX - count ? INT64_MAX : first + count;
  if (end <= first) return;
  ranges_.emplace_back(first, end);
  left_ += static_cast<uint64_t>(end - first);
}

void KvBucket::UseTable(const std::shared_ptr<const KvTable>& table) {
  if (table == table_) return;
  mergers_.clear();
  table_ = table;
  if (const auto column = table->rows()->auto_increment_column()) {
    const bool is_int = table->schema().columns()[*column].type.kind == schema::TypeKind::kInt;
    numbers_.set_last(is_int ? INT32_MAX : INT64_MAX);
  }
}

arrow::Result<kv::RowMerger*> KvBucket::MergerFor(const PutRequest& request) {
  Mode mode{request.target_columns, request.overwrite, request.all_targets_are_whole_rows};
  const auto known = std::ranges::find(mergers_, mode, [](const auto& entry) -> const Mode& { return entry.first; });
  if (known != mergers_.end()) return known->second.get();
  kv::WriteMode asked{.overwrite = mode.overwrite, .all_targets_are_whole_rows = mode.all_targets_are_whole_rows};
  if (!mode.target_columns.empty()) asked.target_columns = mode.target_columns;
  ARROW_ASSIGN_OR_RAISE(auto merger, table_->MakeMerger(asked, &numbers_));
  if (mergers_.size() >= kMergersKept) mergers_.pop_front();
  mergers_.emplace_back(std::move(mode), std::move(merger));
  return mergers_.back().second.get();
}

arrow::Result<KvBucket::Merged> KvBucket::Merge(const PutRequest& request, const PutBatch& batch,
                                                std::span<const ByteView> keys, const kv::RowBatch& old_rows,
                                                LogOffset begin, uint64_t row_bytes_max, BuilderCache& builders) {
  if (old_rows.cut()) return TooMuchAtOnce(row_bytes_max);
  // A request that was on its way while the table got a column must not take the bucket back to before it.
  if (request.table->latest() >= table_->latest()) UseTable(request.table);
  ARROW_ASSIGN_OR_RAISE(kv::RowMerger* const merger, MergerFor(request));
  if (!table_->FindSchema(batch.schema)) {
    return Error(ErrorCode::kSchemaNotExist,
                 "The table has no schema version {}, which a batch names; its latest is {}.", batch.schema,
                 table_->latest());
  }
  ARROW_ASSIGN_OR_RAISE(format::ChangelogBuilder* const builder, builders.For(table_));
  builder->Start();
  Merged merged;
  merged.end = begin;
  state()->overlay().Begin(begin);
  const arrow::Status status = MergeAll(request, batch, keys, old_rows, row_bytes_max, *merger, *builder, &merged);
  arrow::Result<Bytes> bytes = status.ok() ? builder->Finish(batch.writer, batch.sequence) : status;
  builders.Return(builder);
  if (!bytes.ok()) {
    Abort();
    return bytes.status();
  }
  if (merged.end == begin) merged.end = begin + 1;  // an empty batch takes an offset, too
  auto& changelog = merged.changelog;
  // Nobody else has it yet, and the log writes offset and time into it.
  changelog.records = MutableByteView(const_cast<uint8_t*>(bytes->data()), bytes->size());
  changelog.owner = bytes->owner();
  changelog.offsets = static_cast<uint32_t>(merged.end - begin);
  changelog.rows = static_cast<uint32_t>(merged.rows_logged);
  changelog.batches.push_back({.position = 0,
                               .bytes = bytes->size(),
                               .offsets = changelog.offsets,
                               .schema = table_->latest(),
                               .writer = batch.writer,
                               .sequence = batch.sequence});
  return merged;
}

// A row is found under the key that came with it; what is replayed is put under the key that its row has.
arrow::Status KvBucket::CheckKey(ByteView key, const format::RowView& row) {
  const arrow::Status made = table_->keys().Encode(row, &key_of_row_);
  if (!made.ok()) {
    return Error(ErrorCode::kCorruptRecord, "A row cannot be found by its key: {} Fill in all of the primary key.",
                 made.message());
  }
  if (std::ranges::equal(key_of_row_, key)) return arrow::Status::OK();
  return Error(ErrorCode::kCorruptRecord,
               "A record has a key of {} bytes that is not that of its row, which has {}: make the key of the row's "
               "primary key, in the format that the table's options ask for.",
               key.size(), key_of_row_.size());
}

arrow::Status KvBucket::MergeAll(const PutRequest& request, const PutBatch& batch, std::span<const ByteView> keys,
                                 const kv::RowBatch& old_rows, uint64_t row_bytes_max, kv::RowMerger& merger,
                                 format::ChangelogBuilder& builder, Merged* merged) {
  auto& overlay = state()->overlay();
  for (size_t i = 0; i < keys.size(); ++i) {
    const ByteView key = keys[i];
    if (request.only_missing && old_rows.At(i)) continue;
    // The batch itself may have changed the key before.
    const auto latest = overlay.Newest(key);
    const std::optional<ByteView> old_value = latest ? latest->row : old_rows.At(i);
    auto effect = batch.rows[i] ? merger.Upsert(batch.schema, *batch.rows[i], old_value) : merger.Remove(old_value);
    ARROW_RETURN_NOT_OK(effect.status());
    if (batch.rows[i] && effect->after) ARROW_RETURN_NOT_OK(CheckKey(key, *effect->after));
    const kv::ChangeRecords records(*effect, table_->config().changelog_image);
    for (const auto& record : records) merged->row_bytes += record.row->bytes().size();
    if (merged->row_bytes > row_bytes_max) return TooMuchAtOnce(row_bytes_max);
    for (const auto& record : records) ARROW_RETURN_NOT_OK(builder.Append(record.type, *record.row));
    if (records.size() == 0) continue;
    merged->end = merged->end + static_cast<int64_t>(records.size());
    merged->rows_logged += records.size();
    merged->rows_added += effect->rows_added();
    if (effect->kind == kv::RowEffect::Kind::kDelete) {
      overlay.Remove(key, merged->end + -1);
    } else {
      overlay.Put(key, effect->value, merged->end + -1);
    }
  }
  return arrow::Status::OK();
}

}  // namespace thalweg::tablet
