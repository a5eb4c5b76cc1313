#include "thalweg/format/body_inflation.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "arrow/buffer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/endian.h"
#include "thalweg/format/arrow_metadata.h"

namespace thalweg::format {
namespace {

using testing::HasSubstr;

/// Inflates a body of buffers of 8 bytes each, which hold what `words` says.
arrow::Result<PlainMessage> Inflate(BodyCodec codec, const std::vector<int64_t>& words) {
  const auto fields = ArrowMetadataTemplate::Make(1, words.size(), codec);
  Buffer message(fields.bytes.size());
  std::ranges::copy(fields.bytes.view(), message.data());
  std::vector<uint8_t> body(words.size() * sizeof(int64_t));
  StoreLittle(message.data() + fields.body_bytes_at, static_cast<int64_t>(body.size()));
  for (size_t i = 0; i < words.size(); ++i) {
    const BodyBuffer place{.offset = static_cast<int64_t>(i * sizeof(int64_t)), .length = sizeof(int64_t)};
    StoreLittle(message.data() + fields.buffers_at + i * sizeof place, place.offset);
    StoreLittle(message.data() + fields.buffers_at + i * sizeof place + sizeof place.offset, place.length);
    StoreLittle(body.data() + place.offset, words[i]);
  }
  const ByteView metadata_bytes = ByteView(message.data(), message.size()).subspan(kArrowPrefixBytes);
  ARROW_ASSIGN_OR_RAISE(const auto metadata, ArrowMetadata::Parse(metadata_bytes));
  return InflateBody(metadata, body, 1024);
}

TEST(InflateBody, ABufferOfNoBytesNeedsNoFrame) {
  // Fluss's Java writer leaves a decoded length of 0 with nothing behind it.
  for (const BodyCodec codec : {BodyCodec::kLz4Frame, BodyCodec::kZstd}) {
    const auto plain = Inflate(codec, {0, 0, 0});
    ASSERT_TRUE(plain.ok()) << plain.status();
    EXPECT_EQ(plain->body->size(), 0);
    const auto metadata = ArrowMetadata::Parse(plain->metadata.view());
    ASSERT_TRUE(metadata.ok()) << metadata.status();
    EXPECT_EQ(metadata->codec(), BodyCodec::kNone);
    for (size_t i = 0; i < 3; ++i) EXPECT_EQ(metadata->buffer(i).length, 0);
  }
}

TEST(InflateBody, WhatDoesNotBecomeWhatItSaysIsRefused) {
  EXPECT_THAT(Inflate(BodyCodec::kZstd, {0, 5}).status().message(), HasSubstr("does not become the 5 bytes"));
  EXPECT_THAT(Inflate(BodyCodec::kZstd, {-2}).status().message(), HasSubstr("buffer of -2 bytes"));
  EXPECT_THAT(Inflate(BodyCodec::kZstd, {600, 600}).status().message(), HasSubstr("more than 1024"));
}

}  // namespace
}  // namespace thalweg::format
