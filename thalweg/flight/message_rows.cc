#include "thalweg/flight/message_rows.h"

#include <algorithm>

#include "arrow/buffer.h"
#include "arrow/ipc/dictionary.h"
#include "arrow/ipc/options.h"
#include "arrow/ipc/writer.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "arrow/util/byte_size.h"
#include "thalweg/base/error.h"

namespace thalweg::flight {

int64_t RowsWithin(const arrow::RecordBatch& rows, int64_t bytes_max) {
  // Never less than what is referred to, and quicker to find out.
  if (arrow::util::TotalBufferSize(rows) <= bytes_max) return rows.num_rows();
  const int64_t bytes = arrow::util::ReferencedBufferSize(rows).ValueOr(0);
  if (bytes <= bytes_max || rows.num_rows() == 0) return rows.num_rows();
  return std::max<int64_t>(1, rows.num_rows() * bytes_max / bytes);
}

arrow::Result<arrow::flight::FlightPayload> SchemaMessage(const arrow::Schema& schema) {
  arrow::flight::FlightPayload payload;
  const arrow::ipc::DictionaryFieldMapper mapper(schema);
  ARROW_RETURN_NOT_OK(
      arrow::ipc::GetSchemaPayload(schema, arrow::ipc::IpcWriteOptions::Defaults(), mapper, &payload.ipc_message));
  return payload;
}

arrow::Result<arrow::flight::FlightPayload> RowsMessage(const arrow::RecordBatch& rows, const std::string& metadata) {
  arrow::flight::FlightPayload payload;
  ARROW_RETURN_NOT_OK(
      arrow::ipc::GetRecordBatchPayload(rows, arrow::ipc::IpcWriteOptions::Defaults(), &payload.ipc_message));
  if (!metadata.empty()) payload.app_metadata = arrow::Buffer::FromString(metadata);
  return payload;
}

arrow::Status CheckReceived(const arrow::RecordBatch& rows, int64_t bytes_max) {
  const int64_t bytes = arrow::util::TotalBufferSize(rows);
  if (bytes > bytes_max) {
    return Error(ErrorCode::kRecordTooLarge, "A batch of {} bytes is too large: send at most {} at a time.", bytes,
                 bytes_max);
  }
  arrow::Status status = rows.ValidateFull();
  if (status.ok()) return status;
  return Error(ErrorCode::kInvalidTable, "The batch is not what Arrow batches are: {}", status.message());
}

}  // namespace thalweg::flight
