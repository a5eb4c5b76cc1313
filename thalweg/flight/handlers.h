#pragma once

#include <memory>
#include <vector>

#include "arrow/flight/types.h"
#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/flight/call.h"

namespace arrow::flight {
class FlightDataStream;
class FlightMessageReader;
class FlightMessageWriter;
class FlightMetadataWriter;
}  // namespace arrow::flight

namespace thalweg::flight {

// One function for each of Flight's calls, in the file that its group is named after. What each answers stands in docs/flight.md.
// They block, on threads of gRPC. Their errors are ours, with an ErrorCode.

// read_handlers.cc
arrow::Result<std::unique_ptr<arrow::flight::FlightDataStream>> HandleGet(const Call& call,
                                                                          const arrow::flight::Ticket& ticket);
arrow::Result<std::unique_ptr<arrow::flight::FlightInfo>> HandleGetFlightInfo(
    const Call& call, const arrow::flight::FlightDescriptor& descriptor);
arrow::Result<std::unique_ptr<arrow::flight::SchemaResult>> HandleGetSchema(
    const Call& call, const arrow::flight::FlightDescriptor& descriptor);
arrow::Result<std::unique_ptr<arrow::flight::FlightListing>> HandleListFlights(const Call& call,
                                                                               const arrow::flight::Criteria* criteria);
// write_handler.cc
arrow::Status HandlePut(const Call& call, arrow::flight::FlightMessageReader& reader,
                        arrow::flight::FlightMetadataWriter& writer);
// look_up_handler.cc
arrow::Status HandleExchange(const Call& call, arrow::flight::FlightMessageReader& reader,
                             arrow::flight::FlightMessageWriter& writer);
// action_handlers.cc
std::vector<arrow::flight::ActionType> ListActions();
arrow::Result<std::vector<arrow::flight::Result>> HandleAction(const Call& call, const arrow::flight::Action& action);

}  // namespace thalweg::flight
