#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "arrow/record_batch.h"
#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/query/scan.h"

namespace thalweg::query {

struct ScanReaderOptions {
  /// Decoded and not taken yet; a batch that is larger goes alone. Counted in Environment::memory as well.
  int64_t ahead_bytes_max = 16 << 20;
  size_t ahead_batches_max = 16;
};

/// A stream for threads that block: DuckDB's workers, gRPC's threads. Reads ahead on Environment::workers, within bounds.
///
/// Thread safety: one thread reads; Cancel of the scan from any other ends a ReadNext that waits. Never read on an executor of
/// the server: it blocks. The destructor waits for the read that is under way.
class ScanReader final : public arrow::RecordBatchReader {
 public:
  static std::unique_ptr<ScanReader> Make(std::unique_ptr<ScanStream> stream, const ScanReaderOptions& options = {});
  ~ScanReader() override;

  std::shared_ptr<arrow::Schema> schema() const override;
  /// Null at the end. Batches without rows are left out.
  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override;
  /// As ReadNext, with where the rows are from: for those who follow, and go on later.
  arrow::Result<ScanBatch> NextBatch();
  /// Nothing is read any more; waits for the read that is under way. Cancels a scan that follows, with all of its streams.
  arrow::Status Close() override;

 private:
  struct State;
  explicit ScanReader(std::shared_ptr<State> state) : state_(std::move(state)) {}

  const std::shared_ptr<State> state_;
};

}  // namespace thalweg::query
