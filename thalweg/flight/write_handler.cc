#include <memory>
#include <string>
#include <utility>

#include "arrow/buffer.h"
#include "arrow/flight/server.h"
#include "arrow/record_batch.h"
#include "arrow/util/byte_size.h"
#include "proto/thalweg/flight/v1/flight.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/flight/acknowledger.h"
#include "thalweg/flight/envelope.h"
#include "thalweg/flight/flight_status.h"
#include "thalweg/flight/handlers.h"
#include "thalweg/flight/message_rows.h"
#include "thalweg/flight/read_request.h"
#include "thalweg/flight/sql_handlers.h"
#include "thalweg/flight/table_definition.h"
#include "thalweg/flight/write_window.h"
#include "thalweg/query/writer.h"

namespace thalweg::flight {
namespace {

arrow::Result<v1::WriteTable> WriteOf(const arrow::flight::FlightDescriptor& descriptor) {
  v1::WriteTable write;
  if (descriptor.type == arrow::flight::FlightDescriptor::PATH) {
    ARROW_ASSIGN_OR_RAISE(const auto path, PathOf(descriptor));
    write.mutable_table()->set_database(path.database);
    write.mutable_table()->set_table(path.table);
    return write;
  }
  ARROW_ASSIGN_OR_RAISE(const auto envelope, OpenEnvelope(descriptor.cmd));
  if (envelope.name != write.GetTypeName()) {
    return Error(ErrorCode::kInvalidScanRequest, "{} is nothing to write by: {} is.", envelope.name,
                 write.GetTypeName());
  }
  ARROW_RETURN_NOT_OK(ParseMessage(envelope.body, &write));
  return write;
}

arrow::Result<query::WriteKind> KindOf(const v1::WriteTable& write, const query::Table& table) {
  switch (write.kind()) {
    case v1::WriteTable::KIND_UNSPECIFIED:
      return table.kind() == query::TableKind::kPrimaryKey ? query::WriteKind::kUpsert : query::WriteKind::kAppend;
    case v1::WriteTable::APPEND:
      return query::WriteKind::kAppend;
    case v1::WriteTable::UPSERT:
      return query::WriteKind::kUpsert;
    case v1::WriteTable::DELETE:
      return query::WriteKind::kDelete;
    default:
      return Error(ErrorCode::kInvalidScanRequest, "There is no kind of write with the number {} in this version.",
                   static_cast<int>(write.kind()));
  }
}

std::string ResultOf(const Call& call, query::WriteKind kind, const query::WriteAnswer& answer) {
  v1::WriteResult result;
  for (const auto& bucket : answer.buckets) {
    auto& told = *result.add_buckets();
    told.set_partition(PartitionNameOf(call, bucket.bucket.partition));
    told.set_bucket(bucket.bucket.bucket.value);
    if (kind == query::WriteKind::kAppend) told.set_base_offset(bucket.base.value);
    told.set_end_offset(bucket.end.value);
    told.set_rows(bucket.rows);
  }
  result.set_token(answer.token.ToString());
  result.set_rows(answer.rows);
  return result.SerializeAsString();
}

}  // namespace

arrow::Status HandlePut(const Call& call, arrow::flight::FlightMessageReader& reader,
                        arrow::flight::FlightMetadataWriter& writer) {
  const auto& descriptor = reader.descriptor();
  if (descriptor.type == arrow::flight::FlightDescriptor::CMD) {
    ARROW_ASSIGN_OR_RAISE(const auto envelope, OpenEnvelope(descriptor.cmd));
    if (IsSql(envelope)) return HandleSqlPut(call, envelope, reader, writer);
  }
  ARROW_ASSIGN_OR_RAISE(const auto write, WriteOf(descriptor));
  query::WriterOptions options;
  ARROW_ASSIGN_OR_RAISE(options.table, call.session.FindTable(PathOf(write.table())));
  ARROW_ASSIGN_OR_RAISE(options.kind, KindOf(write, *options.table));
  options.overwrite = write.overwrite();
  const auto kind = options.kind;
  Acknowledger acknowledger(call.services.acknowledgers, [&writer](const std::string& message) {
    return writer.WriteMetadata(*arrow::Buffer::FromString(message));
  });
  ARROW_ASSIGN_OR_RAISE(const auto to, query::Writer::Make(call.session, std::move(options)));
  WriteWindow window(call.services.NextShard(),
                     [&](const query::WriteAnswer& answer) { acknowledger.Add(ResultOf(call, kind, answer)); });
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto chunk, reader.Next());
    if (!chunk.data) {
      if (chunk.app_metadata) continue;  // a message without rows
      ARROW_RETURN_NOT_OK(window.Finish());
      return acknowledger.Finish();
    }
    if (call.services.watch.stopping()) return CallCancelled();
    ARROW_RETURN_NOT_OK(CheckReceived(*chunk.data, call.services.limits.request_bytes_max));
    ARROW_RETURN_NOT_OK(acknowledger.AwaitRoom());
    ARROW_RETURN_NOT_OK(window.Add(arrow::util::TotalBufferSize(*chunk.data), [&] {
      return call.services.Wait([&](runtime::Executor& home) { return to->Start(std::move(chunk.data), home); });
    }));
  }
}

}  // namespace thalweg::flight
