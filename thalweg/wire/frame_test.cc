#include "thalweg/wire/frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proto/fluss.pb.h"
#include "proto/fluss_admin.pb.h"
#include "thalweg/base/error.h"

namespace thalweg::wire {
namespace {

std::vector<uint8_t> FromHex(std::string_view hex) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// Of the reference: an API_VERSIONS request with id 0 from client "fluss" "0.1.0".
constexpr std::string_view kApiVersionsFrame = "0000001603e80000000000000a05666c7573731205302e312e30";

TEST(Frame, DecodesTheReferenceRequest) {
  const std::vector<uint8_t> raw = FromHex(kApiVersionsFrame);
  const auto request = DecodeRequest(ByteView(raw).subspan(kLengthBytes));
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->key, ApiKey::kApiVersions);
  EXPECT_EQ(request->version, 0);
  EXPECT_EQ(request->id, 0);
  pb::ApiVersionsRequest body;
  ASSERT_TRUE(ParseBody(request->body, &body).ok());
  EXPECT_EQ(body.client_software_name(), "fluss");
  EXPECT_EQ(body.client_software_version(), "0.1.0");

  const Bytes again = EncodeRequest(ApiKey::kApiVersions, 0, 0, body);
  EXPECT_EQ(std::vector<uint8_t>(again.view().begin(), again.view().end()), raw);
}

TEST(Frame, AnEmptyBodyIsARequest) {
  const Bytes frame = EncodeRequest(ApiKey::kGetFilesystemSecurityToken, 0, 7, pb::GetFileSystemSecurityTokenRequest());
  EXPECT_EQ(frame.size(), kLengthBytes + kRequestHeadBytes);
  const auto request = DecodeRequest(frame.view().subspan(kLengthBytes));
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->id, 7);
  EXPECT_TRUE(request->body.empty());
}

TEST(Frame, RefusesFramesShorterThanAHead) {
  const std::vector<uint8_t> raw(kRequestHeadBytes - 1);
  for (size_t n = 0; n <= raw.size(); ++n) EXPECT_FALSE(DecodeRequest(ByteView(raw).first(n)).ok());
}

TEST(Frame, ResponsesCarryTheirId) {
  pb::InitWriterResponse body;
  body.set_writer_id(11);
  const Bytes frame = EncodeResponse(0x01020304, body);
  const std::vector<uint8_t> expected = {0, 0, 0, 7, 0, 1, 2, 3, 4, 8, 11};
  EXPECT_EQ(std::vector<uint8_t>(frame.view().begin(), frame.view().end()), expected);

  const auto response = DecodeResponse(frame.view().subspan(kLengthBytes));
  ASSERT_TRUE(response.ok());
  EXPECT_TRUE(response->status.ok());
  EXPECT_EQ(response->id, 0x01020304);
  EXPECT_EQ(response->body.size(), 2u);
}

TEST(Frame, RefusalsCarryCodeAndMessage) {
  const Bytes frame = EncodeErrorResponse(5, Error(ErrorCode::kTableNotExist, "Table a.b does not exist."));
  EXPECT_EQ(frame.view()[kLengthBytes], kResponseError);
  const auto response = DecodeResponse(frame.view().subspan(kLengthBytes));
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->id, 5);
  EXPECT_EQ(CodeOf(response->status), ErrorCode::kTableNotExist);
  EXPECT_EQ(response->status.message(), "Table a.b does not exist.");

  const Bytes foreign = EncodeErrorResponse(5, arrow::Status::IOError("disk"));
  EXPECT_EQ(CodeOf(DecodeResponse(foreign.view().subspan(kLengthBytes))->status), ErrorCode::kUnknownServerError);
}

TEST(Frame, ClientsRefuseOtherKindsOfAnswers) {
  const std::vector<uint8_t> server_failure = {2, 8, 1, 0, 0, 0};
  EXPECT_FALSE(DecodeResponse(server_failure).ok());
  EXPECT_FALSE(DecodeResponse(ByteView(server_failure).first(3)).ok());
}

TEST(Frame, BodiesMustBeWholeMessages) {
  pb::PbTablePath path;
  const std::vector<uint8_t> only_database = {0x0A, 0x01, 'd'};
  const arrow::Status missing = ParseBody(only_database, &path);
  EXPECT_EQ(CodeOf(missing), ErrorCode::kUnknownServerError);
  EXPECT_THAT(missing.message(), testing::HasSubstr("lacks a required field"));
  EXPECT_FALSE(IsRetriable(CodeOf(missing)));
  EXPECT_FALSE(ParseBody(ByteView(only_database).first(2), &path).ok());
}

TEST(ApiKey, NamesEveryKeyFromApiVersionsOn) {
  for (int16_t key = 1000; key <= 1064; ++key) EXPECT_FALSE(ApiName(static_cast<ApiKey>(key)).empty()) << key;
  EXPECT_TRUE(ApiName(static_cast<ApiKey>(999)).empty());
  EXPECT_TRUE(ApiName(static_cast<ApiKey>(1065)).empty());
  EXPECT_EQ(ApiName(ApiKey::kGetTableStats), "GET_TABLE_STATS");
  EXPECT_EQ(static_cast<int16_t>(ApiKey::kGetTableStats), 1059);
}

}  // namespace
}  // namespace thalweg::wire
