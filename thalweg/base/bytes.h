#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace thalweg {

using ByteView = std::span<const uint8_t>;
using MutableByteView = std::span<uint8_t>;

inline ByteView AsBytes(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }
inline std::string_view AsText(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

/// A run of memory that its owner may still write to, uninitialised when made. Not resizable.
class Buffer {
 public:
  explicit Buffer(size_t size) : data_(new uint8_t[size]), size_(size) {}
  uint8_t* data() { return data_.get(); }
  const uint8_t* data() const { return data_.get(); }
  size_t size() const { return size_; }
  MutableByteView view() { return {data_.get(), size_}; }

 private:
  std::unique_ptr<uint8_t[]> data_;
  size_t size_;
};

/// A shared, immutable run of bytes: copies and slices share the memory and keep its owner alive.
/// Thread safety: as a shared_ptr; the bytes themselves must not change while more than one thread sees them.
class Bytes {
 public:
  Bytes() = default;
  Bytes(std::shared_ptr<const void> owner, ByteView view) : owner_(std::move(owner)), view_(view) {}
  explicit Bytes(std::shared_ptr<const Buffer> buffer) : view_(buffer->data(), buffer->size()) {
    owner_ = std::move(buffer);
  }

  /// A copy of `view` with memory of its own.
  static Bytes Copy(ByteView view);

  const uint8_t* data() const { return view_.data(); }
  size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }
  ByteView view() const { return view_; }
  const std::shared_ptr<const void>& owner() const { return owner_; }

  /// `count` bytes from `offset`, to the end by default. Both must lie inside.
  Bytes Slice(size_t offset, size_t count = std::dynamic_extent) const {
    return Bytes(owner_, view_.subspan(offset, count));
  }

 private:
  std::shared_ptr<const void> owner_;
  ByteView view_;
};

}  // namespace thalweg
