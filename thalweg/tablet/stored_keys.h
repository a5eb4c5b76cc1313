#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "thalweg/base/bytes.h"
#include "thalweg/format/key_codec.h"

namespace thalweg::tablet {

/// Keys as clients send them, and as a bucket keeps them: what its rows and its changelog make of them again
/// (KeyCodec::DropZeros). Nothing is copied where both are the same.
class StoredKeys {
 public:
  /// `sent` outlives it.
  StoredKeys(const format::KeyCodec& codec, std::span<const ByteView> sent);
  // Its views are into itself.
  StoredKeys(const StoredKeys&) = delete;
  StoredKeys& operator=(const StoredKeys&) = delete;

  std::span<const ByteView> keys() const { return keys_; }

 private:
  std::vector<uint8_t> bytes_;
  std::vector<ByteView> made_;
  std::span<const ByteView> keys_;
};

}  // namespace thalweg::tablet
