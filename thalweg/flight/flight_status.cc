#include "thalweg/flight/flight_status.h"

#include <string>
#include <string_view>
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

/// Where gRPC has what Flight calls extra_info.
constexpr std::string_view kDetailHeader = "grpc-status-details-bin";

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

/// What a server of ours has put into extra_info; empty: nothing. Calls that do not wait give it in the headers that it came in.
std::string DetailOf(const arrow::Status& status) {
  if (const auto flight = arrow::flight::FlightStatusDetail::UnwrapStatus(status)) return flight->extra_info();
  const auto transport = arrow::flight::TransportStatusDetail::Unwrap(status);
  if (!transport) return "";
  for (const auto& [name, value] : transport->get().details()) {
    if (name == kDetailHeader) return value;
  }
  return "";
}

FlightStatusCode KindOf(const arrow::Status& status) {
  using arrow::flight::TransportStatusCode;
  if (const auto flight = arrow::flight::FlightStatusDetail::UnwrapStatus(status)) return flight->code();
  const auto transport = arrow::flight::TransportStatusDetail::Unwrap(status);
  switch (transport ? transport->get().code() : TransportStatusCode::kInternal) {
    case TransportStatusCode::kUnavailable:
      return FlightStatusCode::Unavailable;
    case TransportStatusCode::kTimedOut:
      return FlightStatusCode::TimedOut;
    case TransportStatusCode::kCancelled:
      return FlightStatusCode::Cancelled;
    case TransportStatusCode::kUnauthenticated:
      return FlightStatusCode::Unauthenticated;
    default:
      return FlightStatusCode::Internal;
  }
}

/// Without what Arrow and gRPC put around it.
std::string WordsOf(const arrow::Status& status) {
  std::string_view words = status.message();
  for (const std::string_view end : {". gRPC client debug context", ". Client context", ". Detail:"}) {
    words = words.substr(0, words.find(end));
  }
  constexpr std::string_view kBegin = "error, with message: ";
  if (const size_t begin = words.rfind(kBegin); begin != std::string_view::npos) {
    words.remove_prefix(begin + kBegin.size());
  }
  return std::string(words);
}

}  // namespace

arrow::Status FromFlightStatus(const arrow::Status& status) {
  if (status.ok()) return status;
  const std::string bytes = DetailOf(status);
  v1::ErrorDetail detail;
  if (detail.ParseFromString(bytes) && !detail.name().empty()) {
    if (KindOf(status) == FlightStatusCode::Cancelled) return arrow::Status::Cancelled(detail.message());
    return Error(static_cast<ErrorCode>(detail.code()), "{}", detail.message());
  }
  switch (KindOf(status)) {
    case FlightStatusCode::Unavailable:
      return Error(ErrorCode::kNetwork, "{}", WordsOf(status));
    case FlightStatusCode::TimedOut:
      return Error(ErrorCode::kRequestTimeOut, "{}", WordsOf(status));
    case FlightStatusCode::Unauthenticated:
      return Error(ErrorCode::kAuthenticate, "{}", WordsOf(status));
    case FlightStatusCode::Cancelled:
      return arrow::Status::Cancelled(WordsOf(status));
    default:
      return arrow::Status::IOError(WordsOf(status));
  }
}

arrow::Status ToFlightStatus(const arrow::Status& status) {
  if (status.ok() || arrow::flight::FlightStatusDetail::UnwrapStatus(status)) return status;
  const ErrorCode code = CodeOf(status);
  const FlightStatusCode flight_code = FlightCodeOf(status, code);
  // libarrow goes on with ". Detail: …".
  std::string message = status.message();
  if (message.ends_with('.')) message.pop_back();
  v1::ErrorDetail detail;
  detail.set_grpc_code(GrpcCodeOf(flight_code));
  detail.set_message(status.message());
  detail.set_code(static_cast<int32_t>(code));
  detail.set_name(std::string(ErrorName(code)));
  detail.set_retriable(IsRetriable(code));
  return arrow::flight::MakeFlightError(flight_code, std::move(message), detail.SerializeAsString());
}

arrow::Status CallCancelled() {
  return arrow::flight::MakeFlightError(FlightStatusCode::Cancelled, "The call was cancelled.");
}

}  // namespace thalweg::flight
