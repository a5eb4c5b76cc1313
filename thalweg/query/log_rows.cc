#include <algorithm>
#include <utility>
#include <variant>

#include "arrow/array/array_base.h"
#include "arrow/record_batch.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/format/statistics.h"
#include "thalweg/query/log_rows_internal.h"
#include "thalweg/tablet/bucket_store.h"

namespace thalweg::query {
namespace {

constexpr size_t kReadFactorMax = 4;

/// The same error, with the place at which it was found.
arrow::Status At(const arrow::Status& status, const TableBucket& bucket, LogOffset offset) {
  return Error(CodeOf(status), "{}, offset {}: {}", bucket, offset, status.message());
}

}  // namespace

arrow::Result<Bytes> ReadRange(const log::LogRange& range) {
  auto buffer = std::make_shared<Buffer>(range.bytes);
  for (uint64_t done = 0; done < range.bytes;) {
    ARROW_ASSIGN_OR_RAISE(const size_t got,
                          range.file->ReadAt(range.position + done, buffer->view().subspan(static_cast<size_t>(done))));
    if (got == 0) return Error(ErrorCode::kLogStorage, "{} is shorter than its index says.", range.file->path());
    done += got;
  }
  return Bytes(std::shared_ptr<const Buffer>(std::move(buffer)));
}

arrow::Result<std::unique_ptr<LogRows>> LogRows::Make(ScanCore& scan) {
  std::unique_ptr<LogRows> made(new LogRows(scan));
  ARROW_ASSIGN_OR_RAISE(made->decoder_,
                        LogDecoder::Make(scan.environment(), scan.request().table->base(), scan.shape().columns.read));
  return made;
}

arrow::Status LogRows::Start(const tablet::ReadResult& read, const LogPart& part) {
  part_ = part;
  pieces_.clear();
  rest_ = nullptr;
  store_ = read.store;
  scan_.counters().bytes_read += read.bytes;
  if (const auto* memory = std::get_if<tablet::MemoryRange>(&read.data)) {
    for (const auto& run : memory->runs) {
      // Rows may be kept for long, and what was read from remote storage counts for as long as somebody has some of it.
      pieces_.push_back(
          {.batches = memory->borrowed ? Bytes::Copy(run.batches.view()) : run.batches, .statistics = run.statistics});
    }
  } else if (const auto* range = std::get_if<log::LogRange>(&read.data)) {
    ARROW_ASSIGN_OR_RAISE(auto piece, ReadPiece(*range));
    pieces_.push_back(std::move(piece));
  }
  return arrow::Status::OK();
}

arrow::Result<LogRows::Piece> LogRows::ReadPiece(const log::LogRange& range) const {
  Piece piece;
  if (decoder_->ReadsInPart()) {
    ARROW_ASSIGN_OR_RAISE(piece.sparse, SparseRange::Make(range));
  }
  if (piece.sparse) {
    piece.batches = piece.sparse->batches();
  } else {
    ARROW_ASSIGN_OR_RAISE(piece.batches, ReadRange(range));
  }
  return piece;
}

uint64_t LogRows::ReadFactor() const {
  const bool sparse = !pieces_.empty() && pieces_.front().sparse;
  return sparse ? std::clamp<size_t>(decoder_->ColumnsForOne(), 1, kReadFactorMax) : 1;
}

std::vector<LogOffset> LogRows::Cuts(size_t count) const {
  size_t bytes = 0;
  for (const Piece& piece : pieces_) bytes += piece.batches.size();
  std::vector<LogOffset> cuts;
  size_t passed = 0;
  for (const Piece& piece : pieces_) {
    format::BatchIterator batches(piece.batches.view());
    while (!batches.AtEnd()) {
      const auto batch = batches.Next();
      if (!batch.ok()) return cuts;  // who comes to it says so
      const auto& header = batch->header;
      if (passed >= bytes * (cuts.size() + 1) / count && header.base_offset > part_.next &&
          header.base_offset < part_.end) {
        cuts.push_back(header.base_offset);
        if (cuts.size() + 1 == count) return cuts;
      }
      passed += batch->bytes.size();
    }
  }
  return cuts;
}

void LogRows::StartAs(const LogRows& other, const LogPart& part) {
  part_ = part;
  pieces_ = other.pieces_;
  rest_ = nullptr;
  store_ = other.store_;
}

arrow::Result<Bytes> LogRows::NextStatistics(Piece& piece, const format::BatchHeader& header) const {
  if (!scan_.shape().filter) return Bytes();
  if (store_) return store_->log()->StatisticsOf(header.base_offset);
  constexpr size_t kSizeBytes = sizeof(uint32_t);
  if (piece.statistics.size() - piece.statistics_at < kSizeBytes) return Bytes();
  const auto size = LoadLittle<uint32_t>(piece.statistics.data() + piece.statistics_at);
  piece.statistics_at += kSizeBytes;
  const size_t left = piece.statistics.size() - piece.statistics_at;
  Bytes block = piece.statistics.Slice(piece.statistics_at, std::min<size_t>(size, left));
  piece.statistics_at += block.size();
  return block;
}

bool LogRows::MayMatch(const format::BatchHeader& header, ByteView statistics) {
  if (statistics.empty()) return true;
  const auto view = format::StatisticsView::Parse(statistics);
  const auto written_with = decoder_->FindSchema(header.schema_id);
  if (!view.ok() || !written_with) return true;
  auto filter = filters_.find(header.schema_id);
  if (filter == filters_.end()) {
    filter = filters_
                 .emplace(header.schema_id,
                          format::BatchFilter(*scan_.request().filter, scan_.request().table->schema(), *written_with))
                 .first;
  }
  return filter->second.MayMatch(*view, header.record_count);
}

arrow::Result<std::optional<ScanBatch>> LogRows::Cut() {
  ScanBatch batch{.rows = std::move(rest_), .bucket = part_.bucket, .next = rest_next_};
  const int64_t rows_max = std::max<int64_t>(scan_.request().batch_rows_max, 1);
  if (batch.rows->num_rows() > rows_max) {
    rest_ = batch.rows->Slice(rows_max);
    batch.rows = batch.rows->Slice(0, rows_max);
    // The rest of them may be asked for again from here: some may come twice, none is lost.
    batch.next = part_.next;
  } else {
    rest_ = nullptr;
    part_.next = rest_next_;
  }
  return batch;
}

arrow::Result<DecodedBatch> LogRows::Decode(const format::LogBatchView& batch, const Piece& piece) {
  const bool change_types = scan_.shape().columns.change_types;
  const auto& owner = piece.batches.owner();
  if (piece.sparse) {
    return decoder_->Decode(batch, owner, change_types, [&](auto runs) { return piece.sparse->Load(runs); });
  }
  ARROW_RETURN_NOT_OK(format::VerifyCrc(batch));
  return decoder_->Decode(batch, owner, change_types);
}

arrow::Result<std::optional<ScanBatch>> LogRows::Take(const format::LogBatchView& batch, const Piece& piece) {
  const Table& table = *scan_.request().table;
  const ScanColumns& columns = scan_.shape().columns;
  ARROW_ASSIGN_OR_RAISE(auto decoded, Decode(batch, piece));
  ARROW_ASSIGN_OR_RAISE(auto rows, MakeOffsetRows(table, columns, batch.header, std::move(decoded)));
  int64_t from = part_.next - rows.first, to = part_.end - rows.first;
  if (table.kind() == TableKind::kBinlog) {
    from = std::ranges::lower_bound(rows.offsets, part_.next.value) - rows.offsets.begin();
    to = std::ranges::lower_bound(rows.offsets, part_.end.value) - rows.offsets.begin();
  }
  from = std::clamp<int64_t>(from, 0, rows.rows);
  to = std::clamp<int64_t>(to, from, rows.rows);
  if (from > 0 || to < rows.rows) {
    for (auto& column : rows.columns) column = column->Slice(from, to - from);
  }
  rest_next_ = std::min(batch.header.next_offset(), part_.end);
  ++scan_.counters().batches_read;
  int64_t done = 0;
  ARROW_ASSIGN_OR_RAISE(rest_, scan_.Shape(std::move(rows.columns), to - from, &done));
  if (done < to - from) {
    // The limit is in the middle of the batch: who goes on from the token gets what it has cut off.
    rest_next_ = rows.offsets.empty() ? rows.first + (from + done) : LogOffset(rows.offsets[from + done]);
    pieces_.clear();
  }
  if (rest_) return Cut();
  part_.next = rest_next_;
  return std::nullopt;
}

arrow::Result<std::optional<ScanBatch>> LogRows::Next() {
  if (rest_) return Cut();
  while (!pieces_.empty() && !part_.done()) {
    Piece& piece = pieces_.front();
    format::BatchIterator batches(piece.batches.view());
    if (batches.AtEnd()) {
      pieces_.pop_front();
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const auto batch, batches.Next());
    ARROW_ASSIGN_OR_RAISE(const Bytes statistics, NextStatistics(piece, batch.header));
    const Piece from = piece;  // which is not kept where the limit is reached
    piece.batches = piece.batches.Slice(batch.bytes.size());
    const auto& header = batch.header;
    if (header.next_offset() <= part_.next) continue;
    if (header.base_offset >= part_.end || header.commit_timestamp_ms >= part_.to_ms) {
      // Commit times do not go back.
      part_.next = part_.end;
      break;
    }
    const bool in_time = header.commit_timestamp_ms >= part_.from_ms;
    if (batch.empty() || !in_time || !MayMatch(header, statistics.view())) {
      if (in_time && !batch.empty()) ++scan_.counters().batches_pruned;
      part_.next = std::min(header.next_offset(), part_.end);
      continue;
    }
    auto taken = Take(batch, from);
    if (!taken.ok()) return At(taken.status(), part_.bucket, header.base_offset);
    if (*taken) return taken;
  }
  pieces_.clear();
  return std::nullopt;
}

}  // namespace thalweg::query
