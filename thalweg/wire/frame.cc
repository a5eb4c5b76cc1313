#include "thalweg/wire/frame.h"

#include <memory>
#include <string>

#include "google/protobuf/message_lite.h"
#include "proto/fluss.pb.h"
#include "thalweg/base/check.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"

namespace thalweg::wire {
namespace {

using google::protobuf::MessageLite;

void PutResponseHead(uint8_t* to, uint8_t kind, int32_t request_id, size_t body_bytes) {
  const size_t length = kResponseHeadBytes - kLengthBytes + body_bytes;
  TW_CHECK(length <= kFrameBytesMax);
  StoreBig(to, static_cast<int32_t>(length));
  to[kLengthBytes] = kind;
  StoreBig(to + kLengthBytes + 1, request_id);
}

Bytes EncodeFrame(uint8_t kind, int32_t request_id, const MessageLite& body) {
  const size_t body_bytes = body.ByteSizeLong();
  auto buffer = std::make_shared<Buffer>(kResponseHeadBytes + body_bytes);
  PutResponseHead(buffer->data(), kind, request_id, body_bytes);
  body.SerializeWithCachedSizesToArray(buffer->data() + kResponseHeadBytes);
  return Bytes(std::move(buffer));
}

}  // namespace

arrow::Result<Request> DecodeRequest(ByteView frame) {
  if (frame.size() < kRequestHeadBytes) {
    return Error(ErrorCode::kCorruptMessage, "A request frame of {} bytes is shorter than its head of {}.",
                 frame.size(), kRequestHeadBytes);
  }
  return Request{.key = static_cast<ApiKey>(LoadBig<int16_t>(frame.data())),
                 .version = LoadBig<int16_t>(frame.data() + 2),
                 .id = LoadBig<int32_t>(frame.data() + 4),
                 .body = frame.subspan(kRequestHeadBytes)};
}

std::array<uint8_t, kResponseHeadBytes> EncodeResponseHead(int32_t request_id, size_t body_bytes) {
  std::array<uint8_t, kResponseHeadBytes> head;
  PutResponseHead(head.data(), kResponseSuccess, request_id, body_bytes);
  return head;
}

Bytes EncodeResponse(int32_t request_id, const MessageLite& body) {
  return EncodeFrame(kResponseSuccess, request_id, body);
}

Bytes EncodeErrorResponse(int32_t request_id, const arrow::Status& error) {
  TW_CHECK(!error.ok());
  pb::ErrorResponse body;
  body.set_error_code(static_cast<int32_t>(CodeOf(error)));
  body.set_error_message(error.message());
  return EncodeFrame(kResponseError, request_id, body);
}

arrow::Status ParseBody(ByteView body, MessageLite* to) {
  // Not CORRUPT_MESSAGE: clients would send the very same bytes again, for ever.
  if (body.size() > kFrameBytesMax || !to->ParsePartialFromArray(body.data(), static_cast<int>(body.size()))) {
    return Error(ErrorCode::kUnknownServerError, "The request's body of {} bytes is not a {}.", body.size(),
                 to->GetTypeName());
  }
  if (!to->IsInitialized()) {
    return Error(ErrorCode::kUnknownServerError, "The request's {} lacks a required field.", to->GetTypeName());
  }
  return arrow::Status::OK();
}

Bytes EncodeRequest(ApiKey key, int16_t version, int32_t request_id, const MessageLite& body) {
  const size_t body_bytes = body.ByteSizeLong();
  TW_CHECK(kRequestHeadBytes + body_bytes <= kFrameBytesMax);
  auto buffer = std::make_shared<Buffer>(kLengthBytes + kRequestHeadBytes + body_bytes);
  uint8_t* to = buffer->data();
  StoreBig(to, static_cast<int32_t>(kRequestHeadBytes + body_bytes));
  StoreBig(to + 4, static_cast<int16_t>(key));
  StoreBig(to + 6, version);
  StoreBig(to + 8, request_id);
  body.SerializeWithCachedSizesToArray(to + kLengthBytes + kRequestHeadBytes);
  return Bytes(std::move(buffer));
}

arrow::Result<Response> DecodeResponse(ByteView frame) {
  constexpr size_t kHeadBytes = kResponseHeadBytes - kLengthBytes;
  if (frame.size() < kHeadBytes || frame[0] > kResponseError) {
    return Error(ErrorCode::kCorruptMessage, "A frame of {} bytes is not an answer to a request.", frame.size());
  }
  Response response{.id = LoadBig<int32_t>(frame.data() + 1), .status = {}, .body = frame.subspan(kHeadBytes)};
  if (frame[0] == kResponseError) {
    pb::ErrorResponse error;
    ARROW_RETURN_NOT_OK(ParseBody(response.body, &error));
    response.status = MakeError(static_cast<ErrorCode>(error.error_code()), error.error_message());
  }
  return response;
}

}  // namespace thalweg::wire
