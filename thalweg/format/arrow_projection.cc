#include "thalweg/format/arrow_projection.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "thalweg/base/check.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/format/null_column.h"

namespace thalweg::format {
namespace {

/// Where the Arrow message of a batch with records starts. CORRUPT_RECORD where the batch is too short for it.
arrow::Result<size_t> MessageAt(const BatchHeader& header) {
  if (header.magic != 0) {
    return Error(ErrorCode::kCorruptRecord, "Only record batches of version 0 are projected, this has {}.",
                 header.magic);
  }
  const size_t at = kHeaderBytesV0 + (header.append_only() ? 0 : static_cast<size_t>(header.record_count));
  if (at + kArrowPrefixBytes > header.total_bytes()) {
    return Error(ErrorCode::kCorruptRecord, "The batch of {} bytes has no room for an Arrow message.",
                 header.total_bytes());
  }
  return at;
}

bool HasNoBody(const BatchHeader& header) { return header.total_bytes() == header.header_bytes(); }

int64_t RoundUp8(int64_t value) { return (value + 7) / 8 * 8; }

}  // namespace

arrow::Result<size_t> ProjectionFrontBytes(ByteView have) {
  if (have.size() < kHeaderBytesV0) return kHeaderBytesV0;
  ARROW_ASSIGN_OR_RAISE(const BatchHeader header, ParseHeader(have));
  if (HasNoBody(header)) return kHeaderBytesV0;
  ARROW_ASSIGN_OR_RAISE(const size_t at, MessageAt(header));
  if (have.size() < at + kArrowPrefixBytes) return at + kArrowPrefixBytes;
  ARROW_ASSIGN_OR_RAISE(const size_t metadata_bytes, ArrowMetadataBytes(have.subspan(at)));
  const size_t needed = at + kArrowPrefixBytes + metadata_bytes;
  if (needed > header.total_bytes()) {
    return Error(ErrorCode::kCorruptRecord, "The Arrow metadata of {} bytes does not fit the batch.", metadata_bytes);
  }
  return needed;
}

arrow::Result<ProjectionPlan> ProjectionPlan::Make(std::span<const ColumnShape> batch_columns,
                                                   std::span<const ColumnShape> table_columns,
                                                   std::span<const int32_t> fields) {
  if (fields.empty()) {
    return Error(ErrorCode::kInvalidColumnProjection, "A projection needs at least one column.");
  }
  int32_t previous = -1;
  for (const int32_t field : fields) {
    if (field <= previous) {
      return Error(ErrorCode::kInvalidColumnProjection,
                   "Projected columns have to be given in ascending order and once each; {} follows {}.", field,
                   previous);
    }
    previous = field;
  }
  if (static_cast<size_t>(previous) >= table_columns.size()) {
    return Error(ErrorCode::kInvalidColumnProjection, "Column {} is projected, but the table has {} columns.", previous,
                 table_columns.size());
  }

  ProjectionPlan plan;
  plan.columns_.reserve(fields.size());
  size_t selected = 0;
  for (size_t i = 0; i < batch_columns.size(); ++i) {
    const ColumnShape& shape = batch_columns[i];
    if (selected < fields.size() && static_cast<size_t>(fields[selected]) == i) {
      plan.columns_.push_back(
          {plan.batch_nodes_, shape.nodes.size(), plan.batch_buffers_, shape.buffer_count, ColumnShape{}});
      ++selected;
    }
    plan.batch_nodes_ += shape.nodes.size();
    plan.batch_buffers_ += shape.buffer_count;
  }
  for (; selected < fields.size(); ++selected) {
    const ColumnShape& shape = table_columns[fields[selected]];
    plan.columns_.push_back({0, shape.nodes.size(), 0, shape.buffer_count, shape});
  }
  for (const Column& column : plan.columns_) {
    plan.nodes_ += column.node_count;
    plan.buffers_ += column.buffer_count;
  }
  for (size_t codec = 0; codec < kBodyCodecCount; ++codec) {
    plan.templates_[codec] = ArrowMetadataTemplate::Make(plan.nodes_, plan.buffers_, static_cast<BodyCodec>(codec));
  }
  return plan;
}

/// The work on one batch.
class ProjectionPlan::Projector {
 public:
  Projector(const ProjectionPlan& plan, const BatchHeader& header, const ArrowMetadata& metadata, size_t body_at)
      : plan_(plan), header_(header), metadata_(metadata), body_at_(body_at) {}

  arrow::Result<ProjectedBatch> Run(ByteView front, size_t message_at) {
    const ArrowMetadataTemplate& shape = plan_.templates_[static_cast<size_t>(metadata_.codec())];
    auto out = std::make_shared<Buffer>(message_at + shape.bytes.size());
    std::memcpy(out->data(), front.data(), message_at);
    uint8_t* message = out->data() + message_at;
    std::memcpy(message, shape.bytes.data(), shape.bytes.size());
    nodes_out_ = message + shape.nodes_at;
    buffers_out_ = message + shape.buffers_at;
    result_.pieces.reserve(plan_.columns_.size());
    for (const Column& column : plan_.columns_) {
      ARROW_RETURN_NOT_OK(column.is_absent() ? AddNulls(column) : AddColumn(column));
    }
    if (body_taken_ > metadata_.body_bytes()) {
      return Error(ErrorCode::kCorruptRecord, "The Arrow buffers of the batch overlap.");
    }
    const int64_t total = static_cast<int64_t>(out->size()) + body_bytes_;
    if (total - static_cast<int64_t>(kLengthPrefixBytes) > std::numeric_limits<int32_t>::max()) {
      return Error(ErrorCode::kRecordTooLarge, "The projected batch would take {} bytes.", total);
    }
    StoreLittle(message + shape.row_count_at, metadata_.row_count());
    StoreLittle(message + shape.body_bytes_at, body_bytes_);
    StoreLittle(out->data() + kLengthAt, static_cast<int32_t>(total - kLengthPrefixBytes));
    result_.front = Bytes(std::shared_ptr<const Buffer>(std::move(out)));
    if (!inline_.empty()) result_.inline_bytes = Bytes::Copy(inline_);
    result_.total_bytes = static_cast<size_t>(total);
    return std::move(result_);
  }

 private:
  void Emit(FieldNode node) {
    std::memcpy(nodes_out_, &node, sizeof node);
    nodes_out_ += sizeof node;
  }

  void Emit(BodyBuffer buffer) {
    std::memcpy(buffers_out_, &buffer, sizeof buffer);
    buffers_out_ += sizeof buffer;
  }

  void Take(BodyPiece::Source source, size_t offset, int64_t length) {
    if (length == 0) return;
    body_bytes_ += length;
    if (!result_.pieces.empty()) {
      BodyPiece& last = result_.pieces.back();
      if (last.source == source && last.offset + last.length == offset) {
        last.length += static_cast<size_t>(length);
        return;
      }
    }
    result_.pieces.push_back({source, offset, static_cast<size_t>(length)});
  }

  void TakeInline(std::span<const uint8_t> bytes) {
    const size_t at = inline_.size();
    inline_.insert(inline_.end(), bytes.begin(), bytes.end());
    Take(BodyPiece::Source::kInline, at, static_cast<int64_t>(bytes.size()));
  }

  bool IsInsideBody(BodyBuffer buffer) const {
    return buffer.offset >= 0 && buffer.length >= 0 && buffer.offset <= metadata_.body_bytes() &&
           buffer.length <= metadata_.body_bytes() - buffer.offset;
  }

  /// What the buffer takes in the body with its padding: up to the next one, where those stand in order.
  int64_t PaddedBytes(size_t index, BodyBuffer buffer) const {
    const int64_t end = buffer.offset + buffer.length;
    const bool last = index + 1 == plan_.batch_buffers_;
    const int64_t next = last ? metadata_.body_bytes() : metadata_.buffer(index + 1).offset;
    if (next >= end && next <= metadata_.body_bytes()) return next - buffer.offset;
    return std::min(RoundUp8(end), metadata_.body_bytes()) - buffer.offset;
  }

  arrow::Status AddColumn(const Column& column) {
    for (size_t i = 0; i < column.node_count; ++i) Emit(metadata_.node(column.node_begin + i));
    for (size_t i = 0; i < column.buffer_count; ++i) {
      const size_t index = column.buffer_begin + i;
      const BodyBuffer buffer = metadata_.buffer(index);
      if (!IsInsideBody(buffer)) {
        return Error(ErrorCode::kCorruptRecord,
                     "Buffer {} of the Arrow batch, {} bytes at {}, lies outside its body of {}.", index, buffer.length,
                     buffer.offset, metadata_.body_bytes());
      }
      Emit(BodyBuffer{body_bytes_, buffer.length});
      const int64_t padded = PaddedBytes(index, buffer);
      body_taken_ += padded;
      Take(BodyPiece::Source::kBatch, body_at_ + static_cast<size_t>(buffer.offset), padded);
      // Buffers have to start at multiples of 8, whatever the writer's padding was.
      static constexpr std::array<uint8_t, 8> kZeros{};
      TakeInline(std::span(kZeros).first(static_cast<size_t>(RoundUp8(body_bytes_) - body_bytes_)));
    }
    return arrow::Status::OK();
  }

  arrow::Status AddNulls(const Column& column) {
    if (metadata_.row_count() != header_.record_count) {
      return Error(ErrorCode::kCorruptRecord, "The batch claims {} records, its Arrow message {} rows.",
                   header_.record_count, metadata_.row_count());
    }
    ARROW_ASSIGN_OR_RAISE(const NullColumn nulls,
                          MakeNullColumn(column.absent, metadata_.row_count(), metadata_.codec()));
    for (const FieldNode node : nulls.nodes) Emit(node);
    for (const BodyBuffer buffer : nulls.buffers) Emit(BodyBuffer{body_bytes_ + buffer.offset, buffer.length});
    TakeInline(nulls.body);
    return arrow::Status::OK();
  }

  const ProjectionPlan& plan_;
  const BatchHeader& header_;
  const ArrowMetadata& metadata_;
  const size_t body_at_;
  ProjectedBatch result_;
  std::vector<uint8_t> inline_;
  uint8_t* nodes_out_ = nullptr;
  uint8_t* buffers_out_ = nullptr;
  int64_t body_bytes_ = 0;  ///< of the projected batch, so far
  int64_t body_taken_ = 0;  ///< of the source batch, so far
};

arrow::Result<ProjectedBatch> ProjectionPlan::Project(ByteView front) const {
  ARROW_ASSIGN_OR_RAISE(const size_t front_bytes, ProjectionFrontBytes(front));
  if (front_bytes > front.size()) {
    return Error(ErrorCode::kCorruptRecord, "{} bytes of the batch are there, projecting it takes {}.", front.size(),
                 front_bytes);
  }
  ARROW_ASSIGN_OR_RAISE(const BatchHeader header, ParseHeader(front));
  if (HasNoBody(header)) {
    ProjectedBatch result;
    result.front = Bytes::Copy(front.first(kHeaderBytesV0));
    result.total_bytes = kHeaderBytesV0;
    return result;
  }
  ARROW_ASSIGN_OR_RAISE(const size_t message_at, MessageAt(header));
  const size_t metadata_at = message_at + kArrowPrefixBytes;
  ARROW_ASSIGN_OR_RAISE(const ArrowMetadata metadata,
                        ArrowMetadata::Parse(front.subspan(metadata_at, front_bytes - metadata_at)));
  if (metadata.node_count() != batch_nodes_ || metadata.buffer_count() != batch_buffers_) {
    return Error(ErrorCode::kCorruptRecord,
                 "The Arrow batch has {} nodes and {} buffers, schema {} asks for {} and {}.", metadata.node_count(),
                 metadata.buffer_count(), header.schema_id, batch_nodes_, batch_buffers_);
  }
  if (metadata.body_bytes() > static_cast<int64_t>(header.total_bytes() - front_bytes)) {
    return Error(ErrorCode::kCorruptRecord, "The Arrow batch claims a body of {} bytes, {} are there.",
                 metadata.body_bytes(), header.total_bytes() - front_bytes);
  }
  return Projector(*this, header, metadata, front_bytes).Run(front, message_at);
}

Bytes Assemble(const ProjectedBatch& projected, ByteView batch) {
  auto out = std::make_shared<Buffer>(projected.total_bytes);
  uint8_t* to = out->data();
  const auto append = [&](ByteView bytes) {
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
    to += bytes.size();
  };
  append(projected.front.view());
  for (const BodyPiece& piece : projected.pieces) {
    const ByteView from = piece.source == BodyPiece::Source::kBatch ? batch : projected.inline_bytes.view();
    append(from.subspan(piece.offset, piece.length));
  }
  TW_CHECK(to == out->data() + out->size());
  return Bytes(std::shared_ptr<const Buffer>(std::move(out)));
}

}  // namespace thalweg::format
