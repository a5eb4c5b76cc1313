#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "arrow/flight/types.h"
#include "arrow/result.h"
#include "thalweg/flight/call.h"
#include "thalweg/flight/envelope.h"

namespace arrow::flight {
class FlightDataStream;
class FlightMessageReader;
class FlightMetadataWriter;
}  // namespace arrow::flight

namespace thalweg::flight {

// The part of each of Flight's calls that Flight SQL speaks over. As those of handlers.h: they block, and their errors are ours.

/// Whether a ticket or command is one of Flight SQL's.
bool IsSql(const Envelope& envelope);

// sql_query_handlers.cc
arrow::Result<std::unique_ptr<arrow::flight::FlightInfo>> HandleSqlFlightInfo(
    const Call& call, const Envelope& command, const arrow::flight::FlightDescriptor& descriptor);
arrow::Result<std::unique_ptr<arrow::flight::SchemaResult>> HandleSqlSchema(const Call& call, const Envelope& command);
arrow::Result<std::unique_ptr<arrow::flight::FlightDataStream>> HandleSqlGet(const Call& call, const Envelope& ticket);
// sql_put_handlers.cc
arrow::Status HandleSqlPut(const Call& call, const Envelope& command, arrow::flight::FlightMessageReader& reader,
                           arrow::flight::FlightMetadataWriter& writer);
// sql_action_handlers.cc
std::vector<arrow::flight::ActionType> ListSqlActions();
/// None where the action is not of Flight SQL.
arrow::Result<std::optional<std::vector<arrow::flight::Result>>> HandleSqlAction(const Call& call,
                                                                                 const arrow::flight::Action& action);

}  // namespace thalweg::flight
