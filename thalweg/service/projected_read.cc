#include "thalweg/service/projected_read.h"

#include <algorithm>
#include <utility>

#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/tablet/bucket_store.h"

namespace thalweg::service {
namespace {

// Buffers up to this size are read together with their batch's metadata: one more system call to send a few pages would
// cost more than copying them.
constexpr size_t kInlineBytesMax = 32 << 10;
// The first guess at how much of a batch is header and metadata; grows with what is seen.
constexpr size_t kFrontBytes = 2048;

/// The files would have to be waited for.
arrow::Status WouldWait() { return arrow::Status::Cancelled("not in memory"); }
bool IsWouldWait(const arrow::Status& status) { return status.IsCancelled(); }

net::FileRange RangeOf(const log::LogRange& range, uint64_t offset, uint64_t size) {
  return {.fd = range.file->NativeHandle(), .offset = range.position + offset, .size = size, .keep_open = range.file};
}

void AddFragment(FetchedRecords& to, net::Fragment fragment) {
  // Neighbouring ranges of a file are one.
  if (auto* range = std::get_if<net::FileRange>(&fragment); range && !to.fragments.empty()) {
    auto* last = std::get_if<net::FileRange>(&to.fragments.back());
    if (last && last->fd == range->fd && last->offset + last->size == range->offset) {
      last->size += range->size;
      return;
    }
  }
  to.fragments.push_back(std::move(fragment));
}

/// The batches of one read, one after the other, with their front in memory.
class Walk {
 public:
  Walk(const BatchTransform& transform, uint64_t bytes_max, bool at_least_one, FetchedRecords& to)
      : transform_(transform), bytes_max_(bytes_max), at_least_one_(at_least_one), to_(to) {}

  arrow::Status Memory(const tablet::MemoryRange& memory) {
    for (const auto& run : memory.runs) {
      size_t statistics_at = 0;
      for (size_t at = 0; at < run.batches.size() && !to_.full;) {
        const Bytes rest = run.batches.Slice(at);
        ARROW_ASSIGN_OR_RAISE(const auto header, format::ParseHeader(rest.view()));
        const Bytes batch = rest.Slice(0, header.total_bytes());
        const ByteView statistics = NextStatistics(run.statistics.view(), statistics_at);
        ARROW_RETURN_NOT_OK(
            One(header, batch.view(), statistics, [&](size_t offset, size_t size) -> arrow::Result<net::Fragment> {
              if (!memory.borrowed) return batch.Slice(offset, size);
              to_.memory_bytes += size;
              return Bytes::Copy(batch.view().subspan(offset, size));
            }));
        at += header.total_bytes();
      }
      if (!memory.borrowed) to_.memory_bytes += run.batches.size();
    }
    return arrow::Status::OK();
  }

  /// Goes on from where it last stopped; WouldWait where the device would have to be waited for and `may_wait` is not set.
  arrow::Status File(const log::LogRange& range, tablet::BucketStore& store, bool may_wait) {
    while (position_ < range.bytes && !to_.full) {
      ARROW_ASSIGN_OR_RAISE(const auto header, ReadFront(range, may_wait));
      Bytes statistics;
      if (transform_.wanted) {
        if (!may_wait) return WouldWait();  // the side file may have to be read
        ARROW_ASSIGN_OR_RAISE(statistics, store.log()->StatisticsOf(header.base_offset));
      }
      ARROW_RETURN_NOT_OK(One(header, front_, statistics.view(),
                              [&](size_t offset, size_t size) { return FromFile(range, offset, size, may_wait); }));
      position_ += header.total_bytes();
    }
    return arrow::Status::OK();
  }

 private:
  static ByteView NextStatistics(ByteView encoded, size_t& at) {
    if (encoded.size() - at < 4) return {};
    const auto length = LoadLittle<uint32_t>(encoded.data() + at);
    at += 4;
    const ByteView block = encoded.subspan(at, std::min<size_t>(length, encoded.size() - at));
    at += block.size();
    return block;
  }

  arrow::Status Read(const log::LogRange& range, uint64_t offset, MutableByteView into, bool may_wait) {
    int64_t got = 0;
    if (may_wait) {
      ARROW_ASSIGN_OR_RAISE(got, range.file->ReadAt(range.position + offset, into));
    } else {
      ARROW_ASSIGN_OR_RAISE(got, range.file->ReadAtNoWait(range.position + offset, into));
      if (got < static_cast<int64_t>(into.size())) return WouldWait();
    }
    if (got < static_cast<int64_t>(into.size())) {
      return Error(ErrorCode::kLogStorage, "{} is shorter than its index says.", range.file->path());
    }
    return arrow::Status::OK();
  }

  arrow::Result<format::BatchHeader> ReadFront(const log::LogRange& range, bool may_wait) {
    size_t have = std::min<uint64_t>(front_guess_, range.bytes - position_);
    if (memory_.size() < have) memory_.resize(have);
    ARROW_RETURN_NOT_OK(Read(range, position_, MutableByteView(memory_).first(have), may_wait));
    while (transform_.plan) {
      ARROW_ASSIGN_OR_RAISE(const size_t want, format::ProjectionFrontBytes(ByteView(memory_).first(have)));
      if (want <= have) break;
      if (want > range.bytes - position_) return Error(ErrorCode::kCorruptRecord, "A batch ends inside its metadata.");
      if (memory_.size() < want) memory_.resize(want);
      ARROW_RETURN_NOT_OK(Read(range, position_ + have, MutableByteView(memory_).subspan(have, want - have), may_wait));
      have = want;
      front_guess_ = std::max(front_guess_, want);
    }
    front_ = ByteView(memory_).first(have);
    return format::ParseHeader(front_);
  }

  arrow::Result<net::Fragment> FromFile(const log::LogRange& range, size_t offset, size_t size, bool may_wait) {
    if (size > kInlineBytesMax) return RangeOf(range, position_ + offset, size);
    to_.memory_bytes += size;
    auto buffer = std::make_shared<Buffer>(size);
    ARROW_RETURN_NOT_OK(Read(range, position_ + offset, buffer->view(), may_wait));
    return Bytes(std::shared_ptr<const Buffer>(std::move(buffer)));
  }

  template <typename Take>
  arrow::Status One(const format::BatchHeader& header, ByteView front, ByteView statistics, Take take) {
    if (transform_.wanted && !transform_.wanted(header, statistics)) {
      ++to_.dropped;
      to_.next = header.next_offset();
      return arrow::Status::OK();
    }
    const format::ProjectionPlan* plan = nullptr;
    if (transform_.plan) {
      ARROW_ASSIGN_OR_RAISE(plan, transform_.plan(header.schema_id));
    }
    format::ProjectedBatch projected;
    if (plan) {
      ARROW_ASSIGN_OR_RAISE(projected, plan->Project(front));
    } else {
      projected.total_bytes = header.total_bytes();
    }
    const bool first = to_.batches == 0;
    if (to_.bytes + projected.total_bytes > bytes_max_ && !(first && at_least_one_)) {
      to_.full = true;
      return arrow::Status::OK();
    }
    std::vector<net::Fragment> fragments;
    if (plan) {
      fragments.emplace_back(projected.front);
      for (const auto& piece : projected.pieces) {
        if (piece.source == format::BodyPiece::Source::kInline) {
          fragments.emplace_back(projected.inline_bytes.Slice(piece.offset, piece.length));
        } else if (piece.length > 0) {
          ARROW_ASSIGN_OR_RAISE(auto fragment, take(piece.offset, piece.length));
          fragments.push_back(std::move(fragment));
        }
      }
    } else {
      ARROW_ASSIGN_OR_RAISE(auto fragment, take(0, header.total_bytes()));
      fragments.push_back(std::move(fragment));
    }
    for (auto& fragment : fragments) AddFragment(to_, std::move(fragment));
    to_.bytes += projected.total_bytes;
    to_.next = to_.sent_next = header.next_offset();
    ++to_.batches;
    return arrow::Status::OK();
  }

  const BatchTransform& transform_;
  const uint64_t bytes_max_;
  const bool at_least_one_;
  FetchedRecords& to_;
  uint64_t position_ = 0;
  size_t front_guess_ = kFrontBytes;
  std::vector<uint8_t> memory_;
  ByteView front_;
};

}  // namespace

void AddWhole(const tablet::ReadResult& read, FetchedRecords& to) {
  if (const auto* memory = std::get_if<tablet::MemoryRange>(&read.data)) {
    for (const auto& run : memory->runs) AddFragment(to, run.batches);
    to.memory_bytes += read.bytes;
  } else if (const auto* range = std::get_if<log::LogRange>(&read.data)) {
    AddFragment(to, RangeOf(*range, 0, range->bytes));
  }
  to.bytes += read.bytes;
  to.batches += read.bytes > 0 ? 1 : 0;
  to.next = to.sent_next = read.next;
}

runtime::Task<arrow::Status> AddTransformed(const tablet::ReadResult& read, const BatchTransform& transform,
                                            uint64_t bytes_max, bool at_least_one, runtime::Executor& home,
                                            runtime::Executor& pool, FetchedRecords& to) {
  Walk walk(transform, bytes_max, at_least_one, to);
  if (const auto* memory = std::get_if<tablet::MemoryRange>(&read.data)) co_return walk.Memory(*memory);
  const auto* range = std::get_if<log::LogRange>(&read.data);
  if (!range) co_return arrow::Status::OK();
  arrow::Status status = walk.File(*range, *read.store, false);
  if (IsWouldWait(status)) {
    co_await runtime::SwitchTo(pool);
    status = walk.File(*range, *read.store, true);
    co_await runtime::SwitchTo(home);
  }
  co_return status;
}

}  // namespace thalweg::service
