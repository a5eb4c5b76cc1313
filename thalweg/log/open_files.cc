#include "thalweg/log/open_files.h"

#include <utility>
#include <vector>

namespace thalweg::log {

namespace {
// Files in use are skipped when one must go; so many are looked at before the bound is let slip instead.
constexpr int kEvictionTries = 16;
}  // namespace

std::shared_ptr<io::File> OpenFiles::GetIfOpen(const std::string& path) {
  std::lock_guard lock(mutex_);
  auto found = by_path_.find(path);
  if (found == by_path_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, found->second);
  return found->second->file;
}

arrow::Result<std::shared_ptr<io::File>> OpenFiles::Get(const std::string& path) {
  if (auto file = GetIfOpen(path)) return file;
  ARROW_ASSIGN_OR_RAISE(auto file, fs_.Open(path, {.mode = io::OpenOptions::Mode::kReadWrite}));
  return Keep(path, std::move(file));
}

arrow::Result<std::shared_ptr<io::File>> OpenFiles::Create(const std::string& path) {
  Forget(path);
  ARROW_ASSIGN_OR_RAISE(auto file, fs_.Open(path, {.mode = io::OpenOptions::Mode::kCreateNew}));
  return Keep(path, std::move(file));
}

std::shared_ptr<io::File> OpenFiles::Keep(const std::string& path, std::shared_ptr<io::File> file) {
  std::vector<std::shared_ptr<io::File>> closing;  // outlives the lock
  std::lock_guard lock(mutex_);
  if (auto found = by_path_.find(path); found != by_path_.end()) return found->second->file;  // somebody was faster
  recent_.push_front({path, file});
  by_path_.emplace(path, recent_.begin());
  for (int tries = 0; recent_.size() > files_max_ && tries < kEvictionTries; ++tries) {
    auto last = std::prev(recent_.end());
    if (last->file.use_count() > 1) {  // only this class hands out copies, and only under the lock: one is one
      recent_.splice(recent_.begin(), recent_, last);
      continue;
    }
    closing.push_back(std::move(last->file));
    by_path_.erase(last->path);
    recent_.erase(last);
  }
  return file;
}

void OpenFiles::Forget(const std::string& path) {
  std::shared_ptr<io::File> closing;
  std::lock_guard lock(mutex_);
  auto found = by_path_.find(path);
  if (found == by_path_.end()) return;
  closing = std::move(found->second->file);
  recent_.erase(found->second);
  by_path_.erase(found);
}

size_t OpenFiles::size() const {
  std::lock_guard lock(mutex_);
  return recent_.size();
}

}  // namespace thalweg::log
