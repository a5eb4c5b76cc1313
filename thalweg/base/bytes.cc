#include "thalweg/base/bytes.h"

#include <algorithm>

namespace thalweg {

Bytes Bytes::Copy(ByteView view) {
  auto buffer = std::make_shared<Buffer>(view.size());
  std::ranges::copy(view, buffer->data());
  return Bytes(std::shared_ptr<const Buffer>(std::move(buffer)));
}

}  // namespace thalweg
