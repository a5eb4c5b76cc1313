#pragma once

#include <string>
#include <string_view>

#include "arrow/result.h"
#include "arrow/status.h"
#include "fmt/format.h"
#include "google/protobuf/message_lite.h"
#include "thalweg/base/error.h"

namespace thalweg::flight {

/// A message of some kind: what tickets and commands hold.
struct Envelope {
  std::string name;  ///< full name of the message: "thalweg.flight.v1.ReadTable"
  std::string body;
};

/// From the bytes of a google.protobuf.Any. CORRUPT_MESSAGE where they are none.
arrow::Result<Envelope> OpenEnvelope(std::string_view bytes);
/// The bytes of an Any.
std::string SealEnvelope(const google::protobuf::MessageLite& message);

/// INVALID_SCAN_REQUEST where `body` is no such message.
arrow::Status ParseMessage(std::string_view body, google::protobuf::MessageLite* message);

}  // namespace thalweg::flight
