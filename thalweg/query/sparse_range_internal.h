#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/bytes.h"
#include "thalweg/log/bucket_log.h"

namespace thalweg::query {

/// Batches in a segment file of which only what is wanted is read: what stands before their columns at once, columns as they are
/// asked for. Nothing is done about their CRCs, which are of whole batches.
///
/// Thread safety: each batch belongs to one thread.
class SparseRange {
 public:
  /// Null where the range is better read as a whole: some of that is not in the page cache, the batches are small, or what they
  /// are cannot be told. Does not wait for the device. LOG_STORAGE, as the file fails.
  static arrow::Result<std::shared_ptr<SparseRange>> Make(const log::LogRange& range);

  /// The whole range. What has not been loaded must not be looked at.
  Bytes batches() const { return Bytes(memory_); }
  /// Reads runs of batches(). May wait for the device. LOG_STORAGE.
  arrow::Status Load(std::span<const ByteView> runs) const;

 private:
  explicit SparseRange(const log::LogRange& range)
      : range_(range), memory_(std::make_shared<Buffer>(static_cast<size_t>(range.bytes))) {}

  /// The size of the batch at `at`, once its front is there; 0 where Make gives up. `guess`: of the size of fronts.
  arrow::Result<size_t> LoadFront(size_t at, size_t* guess) const;

  const log::LogRange range_;
  const std::shared_ptr<Buffer> memory_;
};

}  // namespace thalweg::query
