#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/wire/api_key.h"

namespace google::protobuf {
class MessageLite;
}

/// Frames of the Fluss protocol. All numbers here are big-endian.
///
///   request    | i32 length | i16 api key | i16 version | i32 request id | body |
///   response   | i32 length | i8 0        | i32 request id               | body |
///   refusal    | i32 length | i8 1        | i32 request id               | ErrorResponse |
///
/// The length counts the bytes after itself. The protocol has a third kind of answer, 2 without an id; no client of
/// ours needs it and one of them misreads it, so a connection that cannot be answered by id is closed instead.
namespace thalweg::wire {

inline constexpr size_t kLengthBytes = 4;
inline constexpr size_t kRequestHeadBytes = 8;
inline constexpr size_t kResponseHeadBytes = kLengthBytes + 5;
/// The largest request frame a server takes unless configured otherwise; the reference server's own limit.
inline constexpr size_t kRequestFrameBytesMax = 100 * 1024 * 1024;
/// The largest frame that a length field can announce.
inline constexpr size_t kFrameBytesMax = INT32_MAX;

inline constexpr uint8_t kResponseSuccess = 0;
inline constexpr uint8_t kResponseError = 1;

struct Request {
  /// As sent: may be a number that ApiName does not know.
  ApiKey key{};
  int16_t version = 0;
  int32_t id = 0;
  ByteView body{};
};

/// The parts of a request frame without its length field; `body` views `frame`. Fails where it is shorter than a head:
/// such a request has no id, so the connection can only be closed.
arrow::Result<Request> DecodeRequest(ByteView frame);

/// The first bytes of a response whose body of `body_bytes` follows. The frame must not exceed kFrameBytesMax.
std::array<uint8_t, kResponseHeadBytes> EncodeResponseHead(int32_t request_id, size_t body_bytes);

/// A whole response frame, ready to send.
Bytes EncodeResponse(int32_t request_id, const google::protobuf::MessageLite& body);

/// A whole refusal of a request: the code and the message of `error`, which must not be OK.
Bytes EncodeErrorResponse(int32_t request_id, const arrow::Status& error);

/// Parses a request body. A body that is no such message, or lacks a required field, is refused for good.
arrow::Status ParseBody(ByteView body, google::protobuf::MessageLite* to);

/// What a client needs: a whole request frame, and the body of a response frame (without its length field).
Bytes EncodeRequest(ApiKey key, int16_t version, int32_t request_id, const google::protobuf::MessageLite& body);

struct Response {
  int32_t id = 0;
  /// The server's refusal, with its code; OK where `body` holds the answer.
  arrow::Status status{};
  ByteView body{};
};

arrow::Result<Response> DecodeResponse(ByteView frame);

}  // namespace thalweg::wire
