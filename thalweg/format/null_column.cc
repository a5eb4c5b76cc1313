#include "thalweg/format/null_column.h"

#include <memory>

#include "arrow/util/compression.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"

namespace thalweg::format {
namespace {

constexpr int64_t kBufferBytesMax = 64 << 20;

/// Writes buffers of zeros, compressed or not, behind each other.
class ZeroWriter {
 public:
  explicit ZeroWriter(NullColumn* out) : out_(out) {}

  arrow::Status Open(BodyCodec codec) {
    if (codec == BodyCodec::kNone) return arrow::Status::OK();
    const auto type = codec == BodyCodec::kZstd ? arrow::Compression::ZSTD : arrow::Compression::LZ4_FRAME;
    return arrow::util::Codec::Create(type).Value(&codec_);
  }

  /// A buffer of `size` zeros; an empty one has no bytes in the body, compressed or not.
  arrow::Status Add(int64_t size) {
    if (size > kBufferBytesMax) {
      return Error(ErrorCode::kCorruptRecord, "A column of nulls for the batch would take {} bytes.", size);
    }
    const auto begin = static_cast<int64_t>(out_->body.size());
    if (size == 0 || codec_ == nullptr) {
      out_->body.resize(begin + size);
    } else {
      ARROW_RETURN_NOT_OK(AddCompressed(size));
    }
    out_->buffers.push_back({begin, static_cast<int64_t>(out_->body.size()) - begin});
    out_->body.resize((out_->body.size() + 7) / 8 * 8);
    return arrow::Status::OK();
  }

 private:
  arrow::Status AddCompressed(int64_t size) {
    const std::vector<uint8_t> zeros(size);
    const size_t begin = out_->body.size();
    const int64_t room = codec_->MaxCompressedLen(size, zeros.data());
    out_->body.resize(begin + sizeof(int64_t) + room);
    StoreLittle(out_->body.data() + begin, size);
    ARROW_ASSIGN_OR_RAISE(const int64_t used,
                          codec_->Compress(size, zeros.data(), room, out_->body.data() + begin + sizeof(int64_t)));
    out_->body.resize(begin + sizeof(int64_t) + used);
    return arrow::Status::OK();
  }

  NullColumn* out_;
  std::unique_ptr<arrow::util::Codec> codec_;
};

arrow::Status AddNode(const ColumnShape& shape, size_t* index, int64_t rows, ZeroWriter* writer, NullColumn* out) {
  const ShapeNode node = shape.nodes[(*index)++];
  out->nodes.push_back({rows, rows});
  const int64_t bits = rows / 8 + (rows % 8 != 0);
  if (rows > kBufferBytesMax) return Error(ErrorCode::kCorruptRecord, "The batch claims {} rows.", rows);
  ARROW_RETURN_NOT_OK(writer->Add(bits));
  switch (node.layout) {
    case NodeLayout::kBits:
      return writer->Add(bits);
    case NodeLayout::kFixed:
      return writer->Add(rows * node.width);
    case NodeLayout::kVariable:
      ARROW_RETURN_NOT_OK(writer->Add(rows == 0 ? 0 : (rows + 1) * sizeof(int32_t)));
      return writer->Add(0);
    case NodeLayout::kList:
      ARROW_RETURN_NOT_OK(writer->Add(rows == 0 ? 0 : (rows + 1) * sizeof(int32_t)));
      return AddNode(shape, index, 0, writer, out);
    case NodeLayout::kStruct:
      for (int32_t i = 0; i < node.child_count; ++i) ARROW_RETURN_NOT_OK(AddNode(shape, index, rows, writer, out));
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<NullColumn> MakeNullColumn(const ColumnShape& shape, int64_t row_count, BodyCodec codec) {
  NullColumn column;
  ZeroWriter writer(&column);
  ARROW_RETURN_NOT_OK(writer.Open(codec));
  size_t index = 0;
  ARROW_RETURN_NOT_OK(AddNode(shape, &index, row_count, &writer, &column));
  return column;
}

}  // namespace thalweg::format
