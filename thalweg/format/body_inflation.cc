#include "thalweg/format/body_inflation.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "arrow/buffer.h"
#include "arrow/util/compression.h"
#include "thalweg/base/check.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"

namespace thalweg::format {
namespace {

constexpr uint64_t kBufferAlignment = 64;

uint64_t Aligned(uint64_t bytes) { return (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment; }

constexpr int64_t kNotCompressed = -1;  // in the place of the decoded length

/// Where one buffer comes from and goes to.
struct Piece {
  ByteView encoded;  // behind its decoded length
  bool compressed = false;
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

arrow::Result<Piece> PieceOf(BodyBuffer buffer, ByteView body) {
  if (buffer.length == 0) return Piece{};
  if (buffer.offset < 0 || buffer.length < 0 || static_cast<uint64_t>(buffer.offset) > body.size() ||
      static_cast<uint64_t>(buffer.length) > body.size() - static_cast<uint64_t>(buffer.offset)) {
    return Error(ErrorCode::kCorruptRecord, "The Arrow batch has a buffer outside of its body.");
  }
  if (static_cast<size_t>(buffer.length) < sizeof(int64_t)) {
    return Error(ErrorCode::kCorruptRecord, "The Arrow batch has a compressed buffer of {} bytes.", buffer.length);
  }
  const uint8_t* at = body.data() + buffer.offset;
  const auto decoded = LoadLittle<int64_t>(at);
  if (decoded < kNotCompressed) {
    return Error(ErrorCode::kCorruptRecord, "The Arrow batch has a buffer of {} bytes.", decoded);
  }
  // Fluss's own writers leave a length of 0 and nothing behind it for a buffer of no bytes, which no codec can read.
  if (decoded == 0) return Piece{};
  Piece piece{.encoded = ByteView(at, static_cast<size_t>(buffer.length)).subspan(sizeof(int64_t)),
              .compressed = decoded != kNotCompressed};
  piece.bytes = piece.compressed ? static_cast<uint64_t>(decoded) : piece.encoded.size();
  return piece;
}

arrow::Result<std::vector<Piece>> Plan(const ArrowMetadata& metadata, ByteView body, uint64_t bytes_max) {
  std::vector<Piece> pieces(metadata.buffer_count());
  uint64_t total = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(pieces[i], PieceOf(metadata.buffer(i), body));
    // Each is compared by itself first: their sum must not run over.
    if (pieces[i].bytes > bytes_max || total + pieces[i].bytes > bytes_max) {
      return Error(ErrorCode::kRecordTooLarge, "The Arrow batch of {} bytes would take more than {} decompressed.",
                   body.size(), bytes_max);
    }
    pieces[i].offset = total;
    total += Aligned(pieces[i].bytes);
  }
  return pieces;
}

/// Decompresses `piece` into exactly the bytes it says it becomes.
arrow::Status Decompress(arrow::util::Decompressor& codec, const Piece& piece, uint8_t* out) {
  ARROW_RETURN_NOT_OK(codec.Reset());
  ByteView in = piece.encoded;
  uint64_t done = 0;
  while (!codec.IsFinished()) {
    const auto step = codec.Decompress(static_cast<int64_t>(in.size()), in.data(),
                                       static_cast<int64_t>(piece.bytes - done), out + done);
    if (!step.ok()) {
      return Error(ErrorCode::kCorruptRecord, "The Arrow batch has a buffer that cannot be decompressed: {}",
                   step.status().message());
    }
    in = in.subspan(static_cast<size_t>(step->bytes_read));
    done += static_cast<uint64_t>(step->bytes_written);
    if (step->bytes_read == 0 && step->bytes_written == 0 && !codec.IsFinished()) break;
  }
  if (!codec.IsFinished() || done != piece.bytes) {
    return Error(ErrorCode::kCorruptRecord, "The Arrow batch has a buffer that does not become the {} bytes it says.",
                 piece.bytes);
  }
  return arrow::Status::OK();
}

Bytes MetadataOf(const ArrowMetadata& metadata, const std::vector<Piece>& pieces, uint64_t body_bytes) {
  const auto fields = ArrowMetadataTemplate::Make(metadata.node_count(), pieces.size(), BodyCodec::kNone);
  auto out = std::make_shared<Buffer>(fields.bytes.size());
  std::ranges::copy(fields.bytes.view(), out->data());
  StoreLittle(out->data() + fields.row_count_at, metadata.row_count());
  StoreLittle(out->data() + fields.body_bytes_at, static_cast<int64_t>(body_bytes));
  const auto store_pair = [&](size_t at, int64_t first, int64_t second) {
    StoreLittle(out->data() + at, first);
    StoreLittle(out->data() + at + sizeof first, second);
  };
  for (size_t i = 0; i < metadata.node_count(); ++i) {
    const FieldNode node = metadata.node(i);
    store_pair(fields.nodes_at + i * sizeof node, node.length, node.null_count);
  }
  for (size_t i = 0; i < pieces.size(); ++i) {
    store_pair(fields.buffers_at + i * sizeof(BodyBuffer), static_cast<int64_t>(pieces[i].offset),
               static_cast<int64_t>(pieces[i].bytes));
  }
  const Bytes whole{std::shared_ptr<const Buffer>(std::move(out))};
  return whole.Slice(kArrowPrefixBytes, whole.size() - kArrowPrefixBytes);
}

arrow::Result<std::shared_ptr<arrow::util::Decompressor>> MakeDecompressor(BodyCodec codec) {
  TW_CHECK(codec != BodyCodec::kNone);
  const auto type = codec == BodyCodec::kZstd ? arrow::Compression::ZSTD : arrow::Compression::LZ4_FRAME;
  ARROW_ASSIGN_OR_RAISE(const auto made, arrow::util::Codec::Create(type));
  return made->MakeDecompressor();
}

}  // namespace

BufferInflater::BufferInflater(std::shared_ptr<arrow::util::Decompressor> decompressor)
    : decompressor_(std::move(decompressor)) {}
BufferInflater::BufferInflater(BufferInflater&&) noexcept = default;
BufferInflater& BufferInflater::operator=(BufferInflater&&) noexcept = default;
BufferInflater::~BufferInflater() = default;

arrow::Result<BufferInflater> BufferInflater::Make(BodyCodec codec) {
  ARROW_ASSIGN_OR_RAISE(auto decompressor, MakeDecompressor(codec));
  return BufferInflater(std::move(decompressor));
}

arrow::Result<std::shared_ptr<arrow::Buffer>> BufferInflater::Inflate(BodyBuffer buffer, ByteView body,
                                                                      uint64_t* bytes_left) {
  ARROW_ASSIGN_OR_RAISE(const Piece piece, PieceOf(buffer, body));
  if (piece.bytes > *bytes_left) {
    return Error(ErrorCode::kRecordTooLarge, "The Arrow batch of {} bytes would take {} more than it may decompressed.",
                 body.size(), piece.bytes - *bytes_left);
  }
  *bytes_left -= piece.bytes;
  ARROW_ASSIGN_OR_RAISE(auto out, arrow::AllocateBuffer(static_cast<int64_t>(piece.bytes)));
  if (piece.compressed) {
    ARROW_RETURN_NOT_OK(Decompress(*decompressor_, piece, out->mutable_data()));
  } else {
    std::ranges::copy(piece.encoded, out->mutable_data());
  }
  return std::shared_ptr<arrow::Buffer>(std::move(out));
}

arrow::Result<PlainMessage> InflateBody(const ArrowMetadata& metadata, ByteView body, uint64_t bytes_max) {
  TW_CHECK(metadata.codec() != BodyCodec::kNone);
  ARROW_ASSIGN_OR_RAISE(const auto pieces, Plan(metadata, body, bytes_max));
  const uint64_t total = pieces.empty() ? 0 : pieces.back().offset + Aligned(pieces.back().bytes);
  ARROW_ASSIGN_OR_RAISE(auto out, arrow::AllocateBuffer(static_cast<int64_t>(total)));
  ARROW_ASSIGN_OR_RAISE(const auto decompressor, MakeDecompressor(metadata.codec()));
  for (const Piece& piece : pieces) {
    uint8_t* to = out->mutable_data() + piece.offset;
    if (!piece.compressed) {
      std::ranges::copy(piece.encoded, to);
    } else {
      ARROW_RETURN_NOT_OK(Decompress(*decompressor, piece, to));
    }
  }
  return PlainMessage{MetadataOf(metadata, pieces, total), std::shared_ptr<arrow::Buffer>(std::move(out))};
}

}  // namespace thalweg::format
