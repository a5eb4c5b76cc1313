#include "thalweg/tablet/append.h"

#include <algorithm>
#include <utility>

#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/format/statistics.h"

namespace thalweg::tablet {
namespace {

/// As journal::Entry::statistics wants them: of each of `batches`, u32 length and block.
Bytes EncodeStatistics(const std::vector<format::DowngradedBatches::Entry>& statistics, int32_t batches) {
  size_t bytes = 4 * static_cast<size_t>(batches);
  for (const auto& entry : statistics) bytes += entry.statistics.block.size();
  auto encoded = std::make_shared<Buffer>(bytes);
  uint8_t* to = encoded->data();
  auto next = statistics.begin();
  for (int32_t i = 0; i < batches; ++i) {
    const bool has = next != statistics.end() && next->index == i;
    const ByteView block = has ? next->statistics.block.view() : ByteView();
    StoreLittle(to, static_cast<uint32_t>(block.size()));
    to = std::ranges::copy(block, to + 4).out;
    if (has) ++next;
  }
  return Bytes(std::shared_ptr<const Buffer>(std::move(encoded)));
}

}  // namespace

arrow::Result<AppendRequest> AppendRequest::Make(std::shared_ptr<Buffer> owner, MutableByteView records,
                                                 size_t batch_bytes_max) {
  AppendRequest request;
  ARROW_ASSIGN_OR_RAISE(const auto summary, format::ValidateForAppend(records, batch_bytes_max));
  request.records = records.first(summary.valid_bytes);
  if (summary.has_statistics_version) {
    const auto plain = format::DowngradeToV0(request.records);
    request.records = plain.batches;
    if (!plain.statistics.empty()) request.statistics = EncodeStatistics(plain.statistics, summary.batch_count);
  }
  request.batches.reserve(summary.batch_count);
  for (size_t at = 0; at < request.records.size();) {
    ARROW_ASSIGN_OR_RAISE(const auto header, format::ParseHeader(request.records.subspan(at)));
    request.batches.push_back({.position = at,
                               .bytes = header.total_bytes(),
                               .offsets = static_cast<uint32_t>(header.last_offset_delta) + 1,
                               .schema = header.schema_id,
                               .writer = header.has_writer() ? header.writer_id : kNoWriter,
                               .sequence = header.batch_sequence});
    at += header.total_bytes();
  }
  request.owner = std::move(owner);
  request.offsets = static_cast<uint32_t>(summary.offset_count);
  request.rows = static_cast<uint32_t>(summary.record_count);
  return request;
}

}  // namespace thalweg::tablet
