#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "thalweg/base/bytes.h"

namespace thalweg::testing {

/// The bytes of a file, in pages that copies share until one of them writes; a page of zeros may be absent.
/// Thread safety: none; copies may be used from different threads.
class MemoryContent {
 public:
  uint64_t size() const { return size_; }
  /// Copies what lies inside the file and returns how much that is.
  size_t Read(uint64_t offset, MutableByteView into) const;
  /// Extends the file where needed; a gap reads as zeros.
  void Write(uint64_t offset, ByteView data);
  void Resize(uint64_t size);

 private:
  static constexpr size_t kPageBytes = 4096;
  using Page = std::array<uint8_t, kPageBytes>;

  Page& WritablePage(size_t index);

  std::vector<std::shared_ptr<Page>> pages_;
  uint64_t size_ = 0;
};

}  // namespace thalweg::testing
