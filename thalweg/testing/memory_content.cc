#include <algorithm>
#include <cstring>

#include "thalweg/testing/memory_content_internal.h"

namespace thalweg::testing {

size_t MemoryContent::Read(uint64_t offset, MutableByteView into) const {
  if (offset >= size_) return 0;
  const size_t count = static_cast<size_t>(std::min<uint64_t>(into.size(), size_ - offset));
  for (size_t done = 0; done < count;) {
    const uint64_t at = offset + done;
    const size_t inside = at % kPageBytes;
    const size_t part = std::min(kPageBytes - inside, count - done);
    const std::shared_ptr<Page>& page = pages_[at / kPageBytes];
    if (page) {
      std::memcpy(into.data() + done, page->data() + inside, part);
    } else {
      std::memset(into.data() + done, 0, part);
    }
    done += part;
  }
  return count;
}

void MemoryContent::Write(uint64_t offset, ByteView data) {
  if (data.empty()) return;
  if (offset + data.size() > size_) Resize(offset + data.size());
  for (size_t done = 0; done < data.size();) {
    const uint64_t at = offset + done;
    const size_t inside = at % kPageBytes;
    const size_t part = std::min(kPageBytes - inside, data.size() - done);
    std::memcpy(WritablePage(at / kPageBytes).data() + inside, data.data() + done, part);
    done += part;
  }
}

void MemoryContent::Resize(uint64_t size) {
  pages_.resize((size + kPageBytes - 1) / kPageBytes);
  // What is cut off must not come back when the file grows again.
  if (size < size_ && size % kPageBytes != 0 && pages_.back()) {
    Page& last = WritablePage(pages_.size() - 1);
    std::fill(last.begin() + size % kPageBytes, last.end(), 0);
  }
  size_ = size;
}

MemoryContent::Page& MemoryContent::WritablePage(size_t index) {
  std::shared_ptr<Page>& page = pages_[index];
  if (!page) {
    page = std::make_shared<Page>();
    page->fill(0);
  } else if (page.use_count() > 1) {
    page = std::make_shared<Page>(*page);
  }
  return *page;
}

}  // namespace thalweg::testing
