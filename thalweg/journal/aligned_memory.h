#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include "thalweg/io/file.h"

namespace thalweg::journal {

/// Uninitialised memory at an address that direct writes take.
class AlignedMemory {
 public:
  AlignedMemory() = default;
  explicit AlignedMemory(size_t size)
      : data_(static_cast<uint8_t*>(::operator new[](size, std::align_val_t(io::kDirectAlignment)))), size_(size) {}

  uint8_t* data() const { return data_.get(); }
  size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(uint8_t* p) const { ::operator delete[](p, std::align_val_t(io::kDirectAlignment)); }
  };
  std::unique_ptr<uint8_t, Free> data_;
  size_t size_ = 0;
};

}  // namespace thalweg::journal
