#include "thalweg/tablet/stored_keys.h"

#include <cstddef>

namespace thalweg::tablet {

StoredKeys::StoredKeys(const format::KeyCodec& codec, std::span<const ByteView> sent) : keys_(sent) {
  if (!codec.drops_zeros()) return;
  std::vector<size_t> sizes;
  sizes.reserve(sent.size());
  std::vector<uint8_t> key;
  for (const ByteView each : sent) {
    codec.DropZeros(each, &key);
    bytes_.insert(bytes_.end(), key.begin(), key.end());
    sizes.push_back(key.size());
  }
  made_.reserve(sent.size());
  size_t at = 0;
  for (const size_t size : sizes) {
    made_.push_back(ByteView(bytes_).subspan(at, size));
    at += size;
  }
  keys_ = made_;
}

}  // namespace thalweg::tablet
