#include "thalweg/format/arrow_columns.h"

#include <algorithm>
#include <utility>

#include "arrow/array/array_base.h"
#include "arrow/array/util.h"
#include "arrow/buffer.h"
#include "arrow/type.h"
#include "thalweg/base/error.h"
#include "thalweg/format/array_assembly.h"

namespace thalweg::format {
namespace {

// So much that nobody wants between two buffers is loaded with them, rather than in two steps.
constexpr ptrdiff_t kGapBytesMax = 4 << 10;

arrow::Result<ByteView> BufferOf(BodyBuffer buffer, ByteView body) {
  if (buffer.length == 0) return ByteView{};
  if (buffer.offset < 0 || buffer.length < 0 || static_cast<uint64_t>(buffer.offset) > body.size() ||
      static_cast<uint64_t>(buffer.length) > body.size() - static_cast<uint64_t>(buffer.offset)) {
    return Error(ErrorCode::kCorruptRecord, "The Arrow batch has a buffer outside of its body.");
  }
  return body.subspan(static_cast<size_t>(buffer.offset), static_cast<size_t>(buffer.length));
}

}  // namespace

arrow::Result<ArrowColumns> ArrowColumns::Make(std::shared_ptr<arrow::Schema> schema, std::vector<int> columns) {
  ARROW_ASSIGN_OR_RAISE(const auto shapes, ColumnShape::Of(*schema));
  ArrowColumns made;
  std::vector<Place> all;
  for (size_t i = 0; i < shapes.size(); ++i) {
    all.push_back(
        {static_cast<int>(i), made.node_count_, shapes[i].nodes.size(), made.buffer_count_, shapes[i].buffer_count});
    made.node_count_ += shapes[i].nodes.size();
    made.buffer_count_ += shapes[i].buffer_count;
  }
  for (const int column : columns) made.places_.push_back(all.at(static_cast<size_t>(column)));
  made.schema_ = std::move(schema);
  return made;
}

arrow::Result<BufferInflater*> ArrowColumns::InflaterOf(BodyCodec codec) {
  auto& inflater = inflaters_[static_cast<size_t>(codec)];
  if (!inflater) {
    ARROW_ASSIGN_OR_RAISE(auto made, BufferInflater::Make(codec));
    inflater.emplace(std::move(made));
  }
  return &*inflater;
}

arrow::Result<std::vector<ByteView>> ArrowColumns::RunsOf(const ArrowMetadata& metadata, ByteView body) const {
  std::vector<ByteView> runs;
  for (const Place& place : places_) {
    for (size_t i = 0; i < place.buffer_count; ++i) {
      ARROW_ASSIGN_OR_RAISE(const ByteView bytes, BufferOf(metadata.buffer(place.buffer_begin + i), body));
      if (!bytes.empty()) runs.push_back(bytes);
    }
  }
  std::ranges::sort(runs, {}, [](ByteView run) { return run.data(); });
  size_t count = 0;
  for (const ByteView run : runs) {
    const uint8_t* const end = run.data() + run.size();
    if (count > 0 && run.data() - (runs[count - 1].data() + runs[count - 1].size()) <= kGapBytesMax) {
      ByteView& last = runs[count - 1];
      last = {last.data(), std::max(last.data() + last.size(), end)};
    } else {
      runs[count++] = run;
    }
  }
  runs.resize(count);
  return runs;
}

arrow::Result<arrow::ArrayVector> ArrowColumns::Decode(const LogBatchView& batch,
                                                       const std::shared_ptr<const void>& owner, BatchOrigin origin,
                                                       const Load& load) {
  arrow::ArrayVector arrays;
  if (batch.empty()) {
    for (const Place& place : places_) {
      ARROW_ASSIGN_OR_RAISE(arrays.emplace_back(), arrow::MakeEmptyArray(schema_->field(place.column)->type()));
    }
    return arrays;
  }
  ARROW_ASSIGN_OR_RAISE(const ArrowMessageParts parts, SplitArrowBatch(batch));
  ARROW_ASSIGN_OR_RAISE(const ArrowMetadata metadata, ArrowMetadata::Parse(parts.metadata));
  if (metadata.row_count() != batch.header.record_count || metadata.node_count() != node_count_ ||
      metadata.buffer_count() != buffer_count_) {
    return Error(ErrorCode::kCorruptRecord, "The Arrow batch does not fit the header or the schema that it names.");
  }
  if (load) {
    ARROW_ASSIGN_OR_RAISE(const auto runs, RunsOf(metadata, parts.body));
    ARROW_RETURN_NOT_OK(load(runs));
  }
  BufferInflater* inflater = nullptr;
  if (metadata.codec() != BodyCodec::kNone) {
    ARROW_ASSIGN_OR_RAISE(inflater, InflaterOf(metadata.codec()));
  }
  uint64_t bytes_left = kDecodedBytesMax;
  std::vector<FieldNode> nodes;
  std::vector<std::shared_ptr<arrow::Buffer>> buffers;
  for (const Place& place : places_) {
    nodes.clear();
    buffers.clear();
    for (size_t i = 0; i < place.node_count; ++i) nodes.push_back(metadata.node(place.node_begin + i));
    for (size_t i = 0; i < place.buffer_count; ++i) {
      const BodyBuffer buffer = metadata.buffer(place.buffer_begin + i);
      if (inflater) {
        ARROW_ASSIGN_OR_RAISE(buffers.emplace_back(), inflater->Inflate(buffer, parts.body, &bytes_left));
      } else {
        ARROW_ASSIGN_OR_RAISE(const ByteView bytes, BufferOf(buffer, parts.body));
        buffers.push_back(ShareBuffer(owner, bytes));
      }
    }
    ARROW_ASSIGN_OR_RAISE(auto array, AssembleArray(schema_->field(place.column)->type(), nodes, buffers));
    const arrow::Status sound = origin == BatchOrigin::kAnybody ? CheckValues(*array) : arrow::Status::OK();
    if (!sound.ok() || array->length() != batch.header.record_count) {
      return Error(ErrorCode::kCorruptRecord, "The Arrow batch has a column {} that cannot be read: {}",
                   schema_->field(place.column)->name(), sound.ok() ? "it has too few rows" : sound.message());
    }
    arrays.push_back(std::move(array));
  }
  return arrays;
}

}  // namespace thalweg::format
