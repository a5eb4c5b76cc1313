#include "thalweg/remote/verify_remote.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/remote/test_segments_internal.h"

namespace thalweg::remote {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class VerifyRemoteTest : public ::testing::Test {
 protected:
  VerifyRemoteTest() {
    at_.Append(300);
    for (int64_t from = 0; at_.remote->manifest()->segments.size() < 2; from = at_.remote->manifest()->end().value) {
      auto segments = at_.remote->manifest()->segments;
      segments.push_back(at_.Upload(from));
      EXPECT_TRUE(at_.remote->Commit(std::move(segments), at_.random).ok());
    }
  }

  Faults Verify() {
    Faults found;
    looked_at_ = {};
    const arrow::Status status = VerifyRemote(*at_.store, *at_.remote->manifest(), &found, &looked_at_);
    EXPECT_TRUE(status.ok()) << status;
    return found;
  }
  std::string PathOf(size_t segment, const char* ending) {
    return "remote/" + SegmentKey(LogAndStore::kFolder, at_.remote->manifest()->segments[segment], ending);
  }
  void Replace(const std::string& path, const std::string& content) {
    ASSERT_TRUE(io::ReplaceFile(at_.disk, path, AsBytes(content)).ok());
  }

  LogAndStore at_;
  VerifiedRemote looked_at_;
};

TEST_F(VerifyRemoteTest, WhatIsSoundHasNoFaults) {
  const Faults found = Verify();
  EXPECT_THAT(found.faults, IsEmpty());
  EXPECT_THAT(found.notes, IsEmpty());
  EXPECT_EQ(looked_at_.segments, 2u);
  EXPECT_EQ(looked_at_.bytes, at_.remote->manifest()->bytes());
  EXPECT_GT(looked_at_.batches, 20u);
}

TEST_F(VerifyRemoteTest, AFlippedBitInAnyBatchIsFound) {
  const std::string path = PathOf(1, "log");
  const std::string sound = io::ReadFile(at_.disk, path).ValueOrDie();
  for (size_t at = 60; at < sound.size(); at += sound.size() / 7) {
    std::string damaged = sound;
    damaged[at] = static_cast<char>(damaged[at] ^ 4);
    Replace(path, damaged);
    EXPECT_FALSE(Verify().faults.empty()) << at;
  }
}

TEST_F(VerifyRemoteTest, WhatIsMissingOrCutOffIsNamed) {
  Replace(PathOf(0, "log"), io::ReadFile(at_.disk, PathOf(0, "log")).ValueOrDie().substr(0, 1000));
  ASSERT_TRUE(at_.disk.Remove(PathOf(1, "timeindex")).ok());
  const Faults found = Verify();
  std::vector<std::string> said;
  for (const auto& fault : found.faults) said.push_back(fault.path + " " + fault.what);
  EXPECT_THAT(said, Contains(HasSubstr("1000 bytes instead of")));
  EXPECT_THAT(said, Contains(HasSubstr("timeindex missing")));
}

TEST_F(VerifyRemoteTest, AnotherManifestThanTheServersOwnIsAFault) {
  Replace("remote/" + at_.remote->manifest()->object, "{}");
  const Faults found = Verify();
  ASSERT_EQ(found.faults.size(), 1u);
  EXPECT_THAT(found.faults.front().what, HasSubstr("something else"));
}

TEST_F(VerifyRemoteTest, WhatNoManifestNamesIsNoted) {
  at_.Upload(at_.remote->manifest()->end().value);
  const Faults found = Verify();
  EXPECT_THAT(found.faults, IsEmpty());
  EXPECT_EQ(found.notes.size(), 1u);
}

}  // namespace
}  // namespace thalweg::remote
