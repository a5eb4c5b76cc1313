#include "thalweg/wire/message_reader.h"

#include <gtest/gtest.h>

#include <vector>

namespace thalweg::wire {
namespace {

using Raw = std::vector<uint8_t>;

TEST(MessageReader, ShowsFieldsInOrder) {
  const Raw raw = {0x08, 0x96, 0x01, 0x12, 0x02, 'a', 'b', 0x1D, 1, 0, 0, 0, 0x21, 2, 0, 0, 0, 0, 0, 0, 0};
  MessageReader in(raw);
  ASSERT_TRUE(in.Next());
  EXPECT_EQ(in.field(), Field(1, WireType::kVarint));
  EXPECT_EQ(in.int32(), 150);
  ASSERT_TRUE(in.Next());
  EXPECT_EQ(in.field(), Field(2, WireType::kBytes));
  EXPECT_EQ(AsText(in.bytes()), "ab");
  EXPECT_EQ(in.bytes().data(), raw.data() + 5);
  ASSERT_TRUE(in.Next());
  EXPECT_EQ(in.field(), Field(3, WireType::kFixed32));
  ASSERT_TRUE(in.Next());
  EXPECT_EQ(in.field(), Field(4, WireType::kFixed64));
  EXPECT_EQ(in.int64(), 2);
  EXPECT_FALSE(in.Next());
  EXPECT_TRUE(in.ok());
}

TEST(MessageReader, SkipsGroups) {
  // Group 5 holds a varint and a group 6; field 1 follows.
  const Raw raw = {0x2B, 0x08, 0x07, 0x33, 0x34, 0x2C, 0x08, 0x2A};
  MessageReader in(raw);
  ASSERT_TRUE(in.Next());
  EXPECT_EQ(in.field(), Field(5, WireType::kGroup));
  ASSERT_TRUE(in.Next());
  EXPECT_EQ(in.int64(), 42);
  EXPECT_FALSE(in.Next());
  EXPECT_TRUE(in.ok());
}

TEST(MessageReader, RefusesWhatProtobufRefuses) {
  const Raw negative_length(10, 0xFF);
  const std::vector<Raw> malformed = {
      {0x00, 0x01},                          // field number 0
      {0x08},                                // varint missing
      {0x08, 0x80},                          // varint cut
      {0x12, 0x05, 'a'},                     // bytes cut
      {0x12, 0x80},                          // length cut
      {0x1D, 1, 2, 3},                       // fixed32 cut
      {0x21, 1, 2, 3},                       // fixed64 cut
      {0x0E, 0x01},                          // wire type 6
      {0x0F, 0x01},                          // wire type 7
      {0x2C},                                // end of a group that never began
      {0x2B, 0x08, 0x07},                    // group without end
      {0x2B, 0x34},                          // group ended by another
      {0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0x00},  // tag beyond 32 bits
      {0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01},
      {0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01},  // length of 2^64-1
  };
  for (size_t i = 0; i < malformed.size(); ++i) {
    MessageReader in(malformed[i]);
    while (in.Next()) {
    }
    EXPECT_FALSE(in.ok()) << "case " << i;
  }
}

TEST(MessageReader, GroupsNestOnlySoDeep) {
  for (const int depth : {MessageReader::kGroupDepthMax, MessageReader::kGroupDepthMax + 1}) {
    Raw raw(static_cast<size_t>(depth), 0x2B);
    raw.insert(raw.end(), static_cast<size_t>(depth), 0x2C);
    MessageReader in(raw);
    EXPECT_EQ(in.Next(), depth <= MessageReader::kGroupDepthMax);
  }
}

TEST(ReadPacked, KeepsSignsAndRefusesCuts) {
  std::vector<int32_t> numbers;
  const Raw raw = {0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01};
  ASSERT_TRUE(ReadPacked(raw, &numbers));
  EXPECT_EQ(numbers, (std::vector<int32_t>{1, -1}));
  EXPECT_FALSE(ReadPacked(ByteView(raw).first(5), &numbers));
}

}  // namespace
}  // namespace thalweg::wire
