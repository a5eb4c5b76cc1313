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

}  // namespace

arrow::Status ToFlightStatus(const arrow::Status& status) {
  if (status.ok() || arrow::flight::FlightStatusDetail::UnwrapStatus(status)) return status;
  const ErrorCode code = CodeOf(status);
  v1::ErrorDetail detail;
  detail.set_code(static_cast<int32_t>(code));
  detail.set_name(std::string(ErrorName(code)));
  detail.set_retriable(IsRetriable(code));
  // libarrow goes on with ". Detail: …".
  std::string message = status.message();
  if (message.ends_with('.')) message.pop_back();
  return arrow::flight::MakeFlightError(FlightCodeOf(status, code), std::move(message), detail.SerializeAsString());
}

arrow::Status CallCancelled() {
  return arrow::flight::MakeFlightError(FlightStatusCode::Cancelled, "The call was cancelled.");
}

}  // namespace thalweg::flight
