#include <ranges>

#include "fmt/format.h"
#include "thalweg/log/segment.h"
#include "thalweg/log/set_aside_internal.h"

namespace thalweg::log {

namespace {

arrow::Result<std::string> FreeName(io::FileSystem& fs, const std::string& path) {
  std::string free = path + ".suspect";
  for (int i = 1;; ++i) {
    ARROW_ASSIGN_OR_RAISE(const bool taken, fs.Exists(free));
    if (!taken) return free;
    free = fmt::format("{}.suspect{}", path, i);
  }
}

template <typename Selects>
arrow::Result<bool> SetAsideIf(io::FileSystem& fs, const std::string& dir, const std::vector<io::Entry>& entries,
                               Selects selects, bool discard, std::vector<std::string>* findings) {
  bool changed = false;
  for (const io::Entry& entry : std::views::reverse(entries)) {
    const auto name = Segment::ParseName(entry.name);
    if (!name || !selects(name->first)) continue;
    const std::string path = dir + "/" + entry.name;
    const bool content = name->second == "log" || name->second == "stats";
    if (name->second == "index" || name->second == "timeindex" || (content && discard)) {
      ARROW_RETURN_NOT_OK(fs.Remove(path));
    } else if (content) {
      ARROW_ASSIGN_OR_RAISE(const std::string aside, FreeName(fs, path));
      ARROW_RETURN_NOT_OK(fs.Rename(path, aside));
      if (findings) findings->push_back(fmt::format("{} ({} bytes) set aside as {}.", path, entry.size, aside));
    } else {
      continue;
    }
    changed = true;
  }
  return changed;
}

}  // namespace

arrow::Result<bool> SetAsideFrom(io::FileSystem& fs, const std::string& dir, const std::vector<io::Entry>& entries,
                                 LogOffset from, bool discard) {
  return SetAsideIf(fs, dir, entries, [from](LogOffset base) { return base >= from; }, discard, nullptr);
}

arrow::Result<bool> SetAside(io::FileSystem& fs, const std::string& dir, const std::vector<io::Entry>& entries,
                             LogOffset base, std::vector<std::string>* findings) {
  return SetAsideIf(fs, dir, entries, [base](LogOffset other) { return other == base; }, false, findings);
}

}  // namespace thalweg::log
