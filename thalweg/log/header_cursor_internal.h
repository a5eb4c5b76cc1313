#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "arrow/result.h"
#include "thalweg/base/error.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/io/file.h"

namespace thalweg::log {

/// Goes from batch header to batch header through a segment file, reading a page at a time and skipping bodies.
///
/// Errors of Read: LOG_STORAGE where there is no header, or not of the expected base offset, or a batch that reaches
/// beyond the end; those of the file. Thread safety: none.
class HeaderCursor {
 public:
  /// The batch at `position` begins at `offset`; nothing at or beyond `end_position` is read.
  HeaderCursor(io::File& file, uint64_t position, LogOffset offset, uint64_t end_position)
      : file_(file), position_(position), offset_(offset), end_position_(end_position) {}

  uint64_t position() const { return position_; }
  LogOffset offset() const { return offset_; }
  bool at_end() const { return position_ >= end_position_; }

  /// Decodes the header at position(). False where that would have to wait; only with `no_wait`.
  arrow::Result<bool> Read(bool no_wait) {
    if (position_ < window_start_ || position_ + format::kHeaderBytesV2 > window_start_ + window_bytes_) {
      ARROW_ASSIGN_OR_RAISE(const bool filled, Fill(no_wait));
      if (!filled) return false;
    }
    const size_t at = position_ - window_start_;
    auto header = format::ParseHeader(ByteView(window_).subspan(at, window_bytes_ - at));
    if (!header.ok()) {
      return Damaged(header.status().message());
    }
    header_ = *header;
    if (header_.base_offset != offset_) return Damaged("the batch there has another offset");
    if (header_.total_bytes() > end_position_ - position_) return Damaged("the batch there is cut off");
    return true;
  }
  const format::BatchHeader& header() const { return header_; }

  /// To the batch behind the one that Read decoded.
  void Skip() {
    position_ += header_.total_bytes();
    offset_ = header_.next_offset();
  }

 private:
  arrow::Result<bool> Fill(bool no_wait) {
    const MutableByteView into(window_.data(), std::min<uint64_t>(window_.size(), end_position_ - position_));
    window_start_ = position_;
    window_bytes_ = 0;
    if (no_wait) {
      ARROW_ASSIGN_OR_RAISE(const int64_t read, file_.ReadAtNoWait(position_, into));
      if (read < 0) return false;
      window_bytes_ = static_cast<size_t>(read);
      // A short answer may be an edge of what is resident as well as the end of the file.
      return window_bytes_ == into.size() || window_bytes_ >= format::kHeaderBytesV2;
    }
    ARROW_ASSIGN_OR_RAISE(window_bytes_, file_.ReadAt(position_, into));
    return true;
  }

  arrow::Status Damaged(std::string_view why) const {
    return Error(ErrorCode::kLogStorage, "{}: no batch with offset {} at byte {}: {}. Run `thalweg verify`.",
                 file_.path(), offset_, position_, why);
  }

  io::File& file_;
  uint64_t position_;
  LogOffset offset_;
  const uint64_t end_position_;
  uint64_t window_start_ = 0;
  size_t window_bytes_ = 0;
  format::BatchHeader header_;
  std::array<uint8_t, 4096> window_;
};

}  // namespace thalweg::log
