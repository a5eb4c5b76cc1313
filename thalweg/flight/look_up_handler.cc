#include <memory>
#include <string>
#include <utility>

#include "arrow/array/array_primitive.h"
#include "arrow/buffer.h"
#include "arrow/flight/server.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "proto/thalweg/flight/v1/flight.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/flight/envelope.h"
#include "thalweg/flight/flight_status.h"
#include "thalweg/flight/handlers.h"
#include "thalweg/flight/message_rows.h"
#include "thalweg/flight/table_definition.h"
#include "thalweg/query/lookup.h"

namespace thalweg::flight {
namespace {

arrow::Result<v1::LookUp> LookUpOf(const arrow::flight::FlightDescriptor& descriptor) {
  v1::LookUp look_up;
  if (descriptor.type == arrow::flight::FlightDescriptor::PATH) {
    ARROW_ASSIGN_OR_RAISE(const auto path, PathOf(descriptor));
    look_up.mutable_table()->set_database(path.database);
    look_up.mutable_table()->set_table(path.table);
    return look_up;
  }
  ARROW_ASSIGN_OR_RAISE(const auto envelope, OpenEnvelope(descriptor.cmd));
  if (envelope.name != look_up.GetTypeName()) {
    return Error(ErrorCode::kInvalidScanRequest, "{} is nothing to exchange by: {} is.", envelope.name,
                 look_up.GetTypeName());
  }
  ARROW_RETURN_NOT_OK(ParseMessage(envelope.body, &look_up));
  return look_up;
}

/// Those of now, also later: all answers of a call have the same columns.
void NameColumns(const query::Table& table, v1::LookUp* look_up) {
  for (const auto& column : table.schema().columns()) look_up->mutable_columns()->add_names(column.name);
}

struct Answer {
  std::shared_ptr<arrow::RecordBatch> rows;
  query::Token token;
};

/// With a column that relates the rows to the keys.
arrow::Result<Answer> Find(const Call& call, query::LookupRequest request, bool prefix) {
  if (prefix) {
    ARROW_ASSIGN_OR_RAISE(auto found, call.services.Wait([&](runtime::Executor& home) {
      return query::PrefixLookup(call.session, std::move(request), home);
    }));
    ARROW_ASSIGN_OR_RAISE(
        auto rows, found.rows->AddColumn(found.rows->num_columns(),
                                         arrow::field("_key", arrow::int32(), /*nullable=*/false), found.key_index));
    return Answer{std::move(rows), std::move(found.token)};
  }
  ARROW_ASSIGN_OR_RAISE(auto found, call.services.Wait([&](runtime::Executor& home) {
    return query::Lookup(call.session, std::move(request), home);
  }));
  ARROW_ASSIGN_OR_RAISE(
      auto rows, found.rows->AddColumn(found.rows->num_columns(),
                                       arrow::field("_found", arrow::boolean(), /*nullable=*/false), found.found));
  return Answer{std::move(rows), std::move(found.token)};
}

arrow::Status Send(const Answer& answer, bool* begun, arrow::flight::FlightMessageWriter& writer) {
  if (!std::exchange(*begun, true)) ARROW_RETURN_NOT_OK(writer.Begin(answer.rows->schema()));
  v1::LookUpResult result;
  result.set_token(answer.token.ToString());
  return writer.WriteWithMetadata(*answer.rows, arrow::Buffer::FromString(result.SerializeAsString()));
}

}  // namespace

arrow::Status HandleExchange(const Call& call, arrow::flight::FlightMessageReader& reader,
                             arrow::flight::FlightMessageWriter& writer) {
  ARROW_ASSIGN_OR_RAISE(auto look_up, LookUpOf(reader.descriptor()));
  const auto path = PathOf(look_up.table());
  ARROW_RETURN_NOT_OK(
      call.session.Require(security::Operation::kRead, security::Resource::Table(path.database, path.table)));
  ARROW_RETURN_NOT_OK(call.WaitFor(
      look_up.at_least(), look_up.has_at_least_wait_ms() ? std::optional(look_up.at_least_wait_ms()) : std::nullopt));
  bool begun = false;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto chunk, reader.Next());
    if (!chunk.data) {
      if (chunk.app_metadata) continue;  // a message without keys
      return arrow::Status::OK();
    }
    if (call.services.watch.stopping()) return CallCancelled();
    ARROW_RETURN_NOT_OK(CheckReceived(*chunk.data, call.services.limits.request_bytes_max));
    if (chunk.data->num_rows() > call.services.limits.keys_max) {
      return Error(ErrorCode::kRecordTooLarge, "{} keys are too many: send at most {} at a time.",
                   chunk.data->num_rows(), call.services.limits.keys_max);
    }
    // Anew for each, since the call may go on for days: columns come, tables are dropped and created again.
    query::LookupRequest request;
    ARROW_ASSIGN_OR_RAISE(request.table, call.session.FindTable(path));
    if (!look_up.has_columns()) NameColumns(*request.table, &look_up);
    ARROW_ASSIGN_OR_RAISE(request.columns, PositionsOf(*request.table, true, look_up.columns()));
    request.keys = std::move(chunk.data);
    ARROW_ASSIGN_OR_RAISE(const auto answer, Find(call, std::move(request), look_up.prefix()));
    ARROW_RETURN_NOT_OK(Send(answer, &begun, writer));
  }
}

}  // namespace thalweg::flight
