#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arrow/buffer.h"
#include "arrow/flight/server.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "arrow/util/byte_size.h"
#include "proto/arrow/flight/protocol/sql.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/flight/arrow_type.h"
#include "thalweg/flight/flight_status.h"
#include "thalweg/flight/message_rows.h"
#include "thalweg/flight/sql_handlers.h"
#include "thalweg/flight/sql_metadata.h"
#include "thalweg/flight/sql_statements.h"
#include "thalweg/flight/write_window.h"
#include "thalweg/query/definitions.h"
#include "thalweg/query/writer.h"

namespace thalweg::flight {
namespace {

namespace sql_pb = ::arrow::flight::protocol::sql;
using Reader = arrow::flight::FlightMessageReader;
using Writer = arrow::flight::FlightMetadataWriter;

arrow::Status Answer(Writer& writer, const google::protobuf::MessageLite& message) {
  return writer.WriteMetadata(*arrow::Buffer::FromString(message.SerializeAsString()));
}

arrow::Status AnswerCount(Writer& writer, int64_t count) {
  sql_pb::DoPutUpdateResult result;
  result.set_record_count(count);
  return Answer(writer, result);
}

/// The next batch with rows; null at the end. Clients that have nothing to send send nothing at all, not even a schema.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> NextRows(const Call& call, Reader& reader, bool has_schema) {
  while (has_schema) {
    ARROW_ASSIGN_OR_RAISE(auto chunk, reader.Next());
    if (!chunk.data && !chunk.app_metadata) break;
    if (!chunk.data || chunk.data->num_rows() == 0 || chunk.data->num_columns() == 0) continue;
    ARROW_RETURN_NOT_OK(CheckReceived(*chunk.data, call.services.limits.request_bytes_max));
    return std::move(chunk.data);
  }
  return nullptr;
}

arrow::Status PutUpdate(const Call& call, const sql_pb::CommandStatementUpdate& command, Writer& writer) {
  ARROW_RETURN_NOT_OK(CheckSql(call, command.has_transaction_id()));
  ARROW_ASSIGN_OR_RAISE(auto ready, Prepare(call, command.query()));
  ARROW_ASSIGN_OR_RAISE(const auto answer, Run(call, ready, nullptr));
  return AnswerCount(writer, answer.changed_rows);
}

arrow::Status PutPreparedUpdate(const Call& call, const std::string& handle, Reader& reader, Writer& writer) {
  ARROW_ASSIGN_OR_RAISE(const auto prepared, call.services.sql->prepared.Find(handle, call.session.asker().principal));
  const bool has_schema = reader.GetSchema().ok();
  ARROW_ASSIGN_OR_RAISE(auto ready, Prepare(call, prepared->text));
  ARROW_ASSIGN_OR_RAISE(auto parameters, NextRows(call, reader, has_schema));
  int64_t count = 0;
  do {
    ARROW_ASSIGN_OR_RAISE(const auto answer, Run(call, ready, parameters ? parameters : prepared->parameters));
    count += answer.changed_rows;
    if (parameters) {
      ARROW_ASSIGN_OR_RAISE(parameters, NextRows(call, reader, has_schema));
    }
  } while (parameters);
  return AnswerCount(writer, count);
}

arrow::Status PutParameters(const Call& call, const std::string& handle, Reader& reader, Writer& writer) {
  ARROW_ASSIGN_OR_RAISE(auto parameters, NextRows(call, reader, reader.GetSchema().ok()));
  if (parameters) {
    ARROW_ASSIGN_OR_RAISE(const auto more, NextRows(call, reader, true));
    if (more || parameters->num_rows() > 1) {
      return Error(ErrorCode::kInvalidScanRequest, "A query takes one row of parameters: run it once for each.");
    }
  }
  ARROW_RETURN_NOT_OK(call.services.sql->prepared.Bind(handle, call.session.asker().principal, std::move(parameters)));
  sql_pb::DoPutPreparedStatementResult result;
  result.set_prepared_statement_handle(handle);
  return Answer(writer, result);
}

arrow::Result<schema::TableDescriptor> DescriptorLike(const arrow::Schema& like) {
  schema::Schema::Parts parts;
  for (const auto& field : like.fields()) {
    ARROW_ASSIGN_OR_RAISE(auto type, FromArrowField(*field));
    parts.columns.push_back({.name = field->name(), .type = std::move(type)});
  }
  schema::TableDescriptor descriptor;
  ARROW_ASSIGN_OR_RAISE(descriptor.schema, schema::Schema::Make(std::move(parts)));
  return descriptor;
}

arrow::Result<query::TablePtr> TableFor(const Call& call, const sql_pb::CommandStatementIngest& command,
                                        const arrow::Schema& schema) {
  using Options = sql_pb::CommandStatementIngest::TableDefinitionOptions;
  if (command.temporary()) return Error(ErrorCode::kInvalidTable, "A table that is ingested into is not temporary.");
  if (command.has_catalog() && !command.catalog().empty() && command.catalog() != kSqlCatalog) {
    return Error(ErrorCode::kInvalidTable, "There is no catalog {}, only {}.", command.catalog(), kSqlCatalog);
  }
  const schema::TablePath path{command.schema().empty() ? catalog::kDefaultDatabase : command.schema(),
                               command.table()};
  const auto& options = command.table_definition_options();
  auto found = call.session.FindTable(path);
  if (found.ok()) {
    if (options.if_exists() == Options::TABLE_EXISTS_OPTION_FAIL) {
      return Error(ErrorCode::kTableAlreadyExist, "Table {} exists already.", path);
    }
    if (options.if_exists() != Options::TABLE_EXISTS_OPTION_REPLACE) return found;
  } else if (CodeOf(found.status()) != ErrorCode::kTableNotExist ||
             options.if_not_exist() != Options::TABLE_NOT_EXIST_OPTION_CREATE) {
    return found.status();
  }
  // What stands in the way of the new table is said before the old one goes.
  ARROW_ASSIGN_OR_RAISE(auto descriptor, DescriptorLike(schema));
  ARROW_RETURN_NOT_OK(call.session.Require(security::Operation::kCreate, security::Resource::Database(path.database)));
  if (found.ok()) {
    ARROW_RETURN_NOT_OK(
        call.services.Wait([&](runtime::Executor& home) { return query::DropTable(call.session, path, true, home); })
            .status());
  }
  return call.services.Wait([&](runtime::Executor& home) {
    return query::CreateTable(call.session, path, std::move(descriptor), false, home);
  });
}

arrow::Status PutIngest(const Call& call, const sql_pb::CommandStatementIngest& command, Reader& reader,
                        Writer& writer) {
  ARROW_RETURN_NOT_OK(CheckSql(call, command.has_transaction_id()));
  ARROW_ASSIGN_OR_RAISE(const auto schema, reader.GetSchema());
  query::WriterOptions options;
  ARROW_ASSIGN_OR_RAISE(options.table, TableFor(call, command, *schema));
  if (options.table->kind() == query::TableKind::kPrimaryKey) options.kind = query::WriteKind::kUpsert;
  ARROW_ASSIGN_OR_RAISE(const auto to, query::Writer::Make(call.session, std::move(options)));
  int64_t count = 0;
  WriteWindow window(call.services.NextShard(), [&](const query::WriteAnswer& answer) { count += answer.rows; });
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto rows, NextRows(call, reader, true));
    if (!rows) break;
    if (call.services.watch.stopping()) return CallCancelled();
    ARROW_RETURN_NOT_OK(window.Add(arrow::util::TotalBufferSize(*rows), [&] {
      return call.services.Wait([&](runtime::Executor& home) { return to->Start(std::move(rows), home); });
    }));
  }
  ARROW_RETURN_NOT_OK(window.Finish());
  return AnswerCount(writer, count);
}

template <typename Message>
arrow::Result<Message> Parse(const Envelope& command) {
  Message message;
  ARROW_RETURN_NOT_OK(ParseMessage(command.body, &message));
  return message;
}

}  // namespace

arrow::Status HandleSqlPut(const Call& call, const Envelope& command, Reader& reader, Writer& writer) {
  ARROW_RETURN_NOT_OK(CheckSql(call, false));
  if (command.name == sql_pb::CommandStatementUpdate().GetTypeName()) {
    ARROW_ASSIGN_OR_RAISE(const auto message, Parse<sql_pb::CommandStatementUpdate>(command));
    return PutUpdate(call, message, writer);
  }
  if (command.name == sql_pb::CommandPreparedStatementUpdate().GetTypeName()) {
    ARROW_ASSIGN_OR_RAISE(const auto message, Parse<sql_pb::CommandPreparedStatementUpdate>(command));
    return PutPreparedUpdate(call, message.prepared_statement_handle(), reader, writer);
  }
  if (command.name == sql_pb::CommandPreparedStatementQuery().GetTypeName()) {
    ARROW_ASSIGN_OR_RAISE(const auto message, Parse<sql_pb::CommandPreparedStatementQuery>(command));
    return PutParameters(call, message.prepared_statement_handle(), reader, writer);
  }
  if (command.name == sql_pb::CommandStatementIngest().GetTypeName()) {
    ARROW_ASSIGN_OR_RAISE(const auto message, Parse<sql_pb::CommandStatementIngest>(command));
    return PutIngest(call, message, reader, writer);
  }
  return Error(ErrorCode::kUnsupportedVersion, "{} is nothing to put rows by in this version.", command.name);
}

}  // namespace thalweg::flight
