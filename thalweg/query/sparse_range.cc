#include <algorithm>

#include "thalweg/base/error.h"
#include "thalweg/format/arrow_projection.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/query/sparse_range_internal.h"

namespace thalweg::query {
namespace {

// The first guess at how much of a batch stands before its columns.
constexpr size_t kFrontBytes = 2 << 10;
// Of smaller ones, on average, it takes longer to read parts than all.
constexpr size_t kBatchBytesMin = 16 << 10;

}  // namespace

arrow::Result<std::shared_ptr<SparseRange>> SparseRange::Make(const log::LogRange& range) {
  std::shared_ptr<SparseRange> made(new SparseRange(range));
  size_t guess = kFrontBytes;
  size_t count = 0;
  for (size_t at = 0; at < range.bytes;) {
    ARROW_ASSIGN_OR_RAISE(const size_t bytes, made->LoadFront(at, &guess));
    at += bytes;
    if (bytes == 0 || at > range.bytes || at < ++count * kBatchBytesMin) return nullptr;
  }
  return made;
}

arrow::Result<size_t> SparseRange::LoadFront(size_t at, size_t* guess) const {
  const MutableByteView rest = memory_->view().subspan(at);
  for (size_t have = 0, want = std::min(*guess, rest.size()); have < want;) {
    const auto into = rest.subspan(have, want - have);
    ARROW_ASSIGN_OR_RAISE(const int64_t got, range_.file->ReadAtNoWait(range_.position + at + have, into));
    if (got < static_cast<int64_t>(into.size())) return 0;
    have = want;
    const auto front = format::ProjectionFrontBytes(rest.first(have));
    if (!front.ok() || *front > rest.size()) return 0;  // who reads the whole batch says what is wrong
    want = std::max(want, *front);
    *guess = std::max(*guess, *front);
  }
  const auto header = format::ParseHeader(rest);
  return header.ok() ? header->total_bytes() : 0;
}

arrow::Status SparseRange::Load(std::span<const ByteView> runs) const {
  for (const ByteView run : runs) {
    const auto at = static_cast<size_t>(run.data() - memory_->data());
    ARROW_ASSIGN_OR_RAISE(const size_t got,
                          range_.file->ReadAt(range_.position + at, memory_->view().subspan(at, run.size())));
    if (got < run.size()) {
      return Error(ErrorCode::kLogStorage, "{} is shorter than its index says.", range_.file->path());
    }
  }
  return arrow::Status::OK();
}

}  // namespace thalweg::query
