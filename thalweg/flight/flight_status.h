#pragma once

#include "arrow/status.h"

namespace thalweg::flight {

/// A failure as Flight's clients are told of it: with our message, a status that fits the code, and the code itself as a
/// v1.ErrorDetail in extra_info. What is a Flight status already stays as it is.
arrow::Status ToFlightStatus(const arrow::Status& status);

/// The other way round, where a client has been told of a failure: our code and words; where the server has said nothing of
/// the kind, NETWORK, REQUEST_TIME_OUT or AUTHENTICATE as Flight's status has it, with what gRPC says.
arrow::Status FromFlightStatus(const arrow::Status& status);

/// The call was given up by its client, or the server stops: FlightStatusCode::Cancelled.
arrow::Status CallCancelled();

}  // namespace thalweg::flight
