#include "thalweg/tablet/checkpoint.h"

#include <string_view>

#include "thalweg/base/crc32c.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"

namespace thalweg::tablet {
namespace {

constexpr std::string_view kMagic = "TWCKPT01";
constexpr uint32_t kVersion = 1;

class Writer {
 public:
  template <typename T>
  void Put(T value) {
    uint8_t bytes[sizeof(T)];
    StoreLittle(bytes, value);
    out_.append(reinterpret_cast<const char*>(bytes), sizeof(T));
  }
  void Put(std::string_view text) { out_.append(text); }
  const std::string& out() const { return out_; }

 private:
  std::string out_;
};

class Reader {
 public:
  explicit Reader(ByteView in) : in_(in) {}
  template <typename T>
  bool Get(T& value) {
    if (in_.size() < sizeof(T)) return false;
    value = LoadLittle<T>(in_.data());
    in_ = in_.subspan(sizeof(T));
    return true;
  }
  bool Get(std::string& text, size_t size) {
    if (in_.size() < size) return false;
    text = AsText(in_.first(size));
    in_ = in_.subspan(size);
    return true;
  }

 private:
  ByteView in_;
};

bool GetBucket(Reader& in, std::pair<TableBucket, log::RecoveryPoint>& entry) {
  auto& [bucket, point] = entry;
  uint32_t writer_bytes = 0;
  return in.Get(bucket.table.value) && in.Get(bucket.partition.value) && in.Get(bucket.bucket.value) &&
         in.Get(point.start.value) && in.Get(point.end.value) && in.Get(point.segment.value) &&
         in.Get(point.position) && in.Get(point.max_timestamp_ms) && in.Get(writer_bytes) &&
         in.Get(point.writers, writer_bytes);
}

}  // namespace

Bytes EncodeCheckpoint(const Checkpoint& checkpoint) {
  Writer out;
  out.Put(kMagic);
  out.Put(kVersion);
  out.Put(checkpoint.journal_sequence);
  out.Put(static_cast<uint32_t>(checkpoint.buckets.size()));
  for (const auto& [bucket, point] : checkpoint.buckets) {
    out.Put(bucket.table.value);
    out.Put(bucket.partition.value);
    out.Put(bucket.bucket.value);
    out.Put(point.start.value);
    out.Put(point.end.value);
    out.Put(point.segment.value);
    out.Put(point.position);
    out.Put(point.max_timestamp_ms);
    out.Put(static_cast<uint32_t>(point.writers.size()));
    out.Put(std::string_view(point.writers));
  }
  out.Put(Crc32c(AsBytes(out.out())));
  return Bytes::Copy(AsBytes(out.out()));
}

arrow::Result<std::optional<Checkpoint>> DecodeCheckpoint(ByteView bytes) {
  if (bytes.size() < kMagic.size() + 8 || AsText(bytes.first(kMagic.size())) != kMagic) return std::nullopt;
  const ByteView body = bytes.first(bytes.size() - 4);
  if (Crc32c(body) != LoadLittle<uint32_t>(bytes.data() + body.size())) return std::nullopt;
  Reader in(body.subspan(kMagic.size()));
  uint32_t version = 0;
  in.Get(version);
  if (version > kVersion) {
    return Error(ErrorCode::kStorage, "The checkpoint was written by a newer Thalweg (version {}, this one knows {}).",
                 version, kVersion);
  }
  Checkpoint checkpoint;
  uint32_t count = 0;
  if (!in.Get(checkpoint.journal_sequence) || !in.Get(count)) return std::nullopt;
  for (uint32_t i = 0; i < count; ++i) {
    std::pair<TableBucket, log::RecoveryPoint> entry;
    if (!GetBucket(in, entry)) return std::nullopt;
    checkpoint.buckets.push_back(std::move(entry));
  }
  return checkpoint;
}

arrow::Result<std::optional<Checkpoint>> LoadCheckpoint(io::FileSystem& fs, const std::string& path,
                                                        std::string& damage) {
  ARROW_ASSIGN_OR_RAISE(const bool exists, fs.Exists(path));
  if (!exists) return std::nullopt;
  const auto content = io::ReadFile(fs, path);
  if (!content.ok()) {
    damage = "The checkpoint cannot be read: " + content.status().message();
    return std::nullopt;
  }
  ARROW_ASSIGN_OR_RAISE(auto checkpoint, DecodeCheckpoint(AsBytes(*content)));
  if (!checkpoint) damage = "The checkpoint " + path + " is damaged.";
  return checkpoint;
}

}  // namespace thalweg::tablet
