#include "thalweg/flight/flight_status.h"

#include <string>
#include <utility>

#include "arrow/flight/types.h"
#include "proto/thalweg/flight/v1/flight.pb.h"
#include "thalweg/base/error.h"

namespace thalweg::flight {
namespace {

using arrow::flight::FlightStatusCode;

FlightStatusCode FlightCodeOf(const arrow::Status& status, ErrorCode code) {
  if (status.IsCancelled()) return FlightStatusCode::Cancelled;
  switch (code) {
    case ErrorCode::kAuthenticate:
    case ErrorCode::kRetriableAuthenticate:
      return FlightStatusCode::Unauthenticated;
    case ErrorCode::kAuthorization:
      return FlightStatusCode::Unauthorized;
    case ErrorCode::kRequestTimeOut:
      return FlightStatusCode::TimedOut;
    case ErrorCode::kUnknownServerError:
      return status.IsInvalid() || status.IsNotImplemented() ? FlightStatusCode::Failed : FlightStatusCode::Internal;
    default:
      return IsRetriable(code) ? FlightStatusCode::Unavailable : FlightStatusCode::Failed;
  }
}

/// gRPC's number for what libarrow makes of it.
int32_t GrpcCodeOf(FlightStatusCode code) {
  switch (code) {
    case FlightStatusCode::Cancelled:
      return 1;
    case FlightStatusCode::TimedOut:
      return 4;
    case FlightStatusCode::Unauthorized:
      return 7;
    case FlightStatusCode::Internal:
      return 13;
    case FlightStatusCode::Unavailable:
      return 14;
    case FlightStatusCode::Unauthenticated:
      return 16;
    case FlightStatusCode::Failed:
      break;
  }
  return 2;
}

}  // namespace

arrow::Status ToFlightStatus(const arrow::Status& status) {
  if (status.ok() || arrow::flight::FlightStatusDetail::UnwrapStatus(status)) return status;
  const ErrorCode code = CodeOf(status);
  const FlightStatusCode flight_code = FlightCodeOf(status, code);
  // libarrow goes on with ". Detail: …".
  std::string message = status.message();
  if (message.ends_with('.')) message.pop_back();
  v1::ErrorDetail detail;
  detail.set_grpc_code(GrpcCodeOf(flight_code));
  detail.set_message(message);
  detail.set_code(static_cast<int32_t>(code));
  detail.set_name(std::string(ErrorName(code)));
  detail.set_retriable(IsRetriable(code));
  return arrow::flight::MakeFlightError(flight_code, std::move(message), detail.SerializeAsString());
}

arrow::Status CallCancelled() {
  return arrow::flight::MakeFlightError(FlightStatusCode::Cancelled, "The call was cancelled.");
}

}  // namespace thalweg::flight
