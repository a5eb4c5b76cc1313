#include "thalweg/flight/envelope.h"

#include <climits>

#include "proto/envelope.pb.h"

namespace thalweg::flight {
namespace {

constexpr std::string_view kUrlPrefix = "type.googleapis.com/";

}  // namespace

arrow::Result<Envelope> OpenEnvelope(std::string_view bytes) {
  pb::Any any;
  const bool parsed = bytes.size() <= INT_MAX && any.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  // What follows the last slash, whatever stands before it, as protobuf has it.
  const size_t slash = parsed ? any.type_url().rfind('/') : std::string::npos;
  if (slash == std::string::npos) {
    return Error(ErrorCode::kInvalidScanRequest,
                 "These bytes are no ticket or command: send a google.protobuf.Any that holds a message such as "
                 "thalweg.flight.v1.ReadTable, or a path of database and table (docs/flight.md).");
  }
  Envelope envelope;
  envelope.name = any.type_url().substr(slash + 1);
  envelope.body = std::move(*any.mutable_value());
  return envelope;
}

std::string SealEnvelope(const google::protobuf::MessageLite& message) {
  pb::Any any;
  any.set_type_url(std::string(kUrlPrefix) + message.GetTypeName());
  any.set_value(message.SerializeAsString());
  return any.SerializeAsString();
}

arrow::Status ParseMessage(std::string_view body, google::protobuf::MessageLite* message) {
  if (body.size() <= INT_MAX && message->ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return arrow::Status::OK();
  }
  return Error(ErrorCode::kInvalidScanRequest, "These bytes are no {}.", message->GetTypeName());
}

}  // namespace thalweg::flight
