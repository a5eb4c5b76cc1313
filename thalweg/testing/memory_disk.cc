#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

#include "thalweg/base/check.h"
#include "thalweg/testing/memory_disk_internal.h"

namespace thalweg::testing {
namespace {

using Kind = PendingChange::Kind;

void Apply(MemoryContent& content, const PendingChange& change) {
  if (change.kind == Kind::kTruncate) {
    content.Resize(change.offset);
  } else {
    content.Write(change.offset, AsBytes(change.bytes));
  }
}

void Apply(const NameChange& change) {
  if (change.from_folder) change.from_folder->durable_names.erase(change.from);
  if (change.to_folder) change.to_folder->durable_names[change.to] = change.node;
}

/// The names and inodes that chosen (or dropped) changes touch. Two changes that share one keep their order: a file
/// system's own journal never brings back the later one alone.
class Touched {
 public:
  bool Overlaps(const NameChange& change) const {
    return nodes_.contains(change.node.get()) || names_.contains({change.from_folder.get(), change.from}) ||
           names_.contains({change.to_folder.get(), change.to});
  }
  void Add(const NameChange& change) {
    nodes_.insert(change.node.get());
    if (change.from_folder) names_.insert({change.from_folder.get(), change.from});
    if (change.to_folder) names_.insert({change.to_folder.get(), change.to});
  }

 private:
  std::set<const Inode*> nodes_;
  std::set<std::pair<const Inode*, std::string>> names_;
};

/// What is left of a pending write where `offset`, `bytes` has been written over it durably.
void CutOut(const PendingChange& write, uint64_t offset, uint64_t bytes, std::vector<PendingChange>& into) {
  const uint64_t end = offset + bytes;
  const uint64_t write_end = write.offset + write.bytes.size();
  if (write_end <= offset || write.offset >= end) {
    into.push_back(write);
    return;
  }
  if (write.offset < offset) into.push_back({Kind::kWrite, write.offset, write.bytes.substr(0, offset - write.offset)});
  if (write_end > end) into.push_back({Kind::kWrite, end, write.bytes.substr(end - write.offset)});
}

}  // namespace

void Inode::Write(uint64_t offset, ByteView data) {
  if (data.empty()) return;
  live.Write(offset, data);
  pending.push_back({Kind::kWrite, offset, std::string(AsText(data))});
}

void Inode::WriteDurable(uint64_t offset, ByteView data) {
  if (data.empty()) return;
  live.Write(offset, data);
  // A size that such a write relies on goes to the device with it, so older truncations, and what they stand on, do
  // too.
  const auto last_truncate =
      std::find_if(pending.rbegin(), pending.rend(), [](const auto& change) { return change.kind == Kind::kTruncate; });
  for (auto change = pending.begin(); change != last_truncate.base(); ++change) Apply(durable, *change);
  pending.erase(pending.begin(), last_truncate.base());
  durable.Write(offset, data);
  std::vector<PendingChange> rest;
  for (const PendingChange& write : pending) CutOut(write, offset, data.size(), rest);
  pending = std::move(rest);
}

void Inode::Truncate(uint64_t size) {
  live.Resize(size);
  pending.push_back({Kind::kTruncate, size, {}});
}

void Inode::Sync() {
  for (const PendingChange& change : pending) Apply(durable, change);
  pending.clear();
}

std::vector<std::string> PathParts(const std::string& path) {
  std::vector<std::string> parts;
  for (size_t at = 0; at < path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    if (end > at && path.compare(at, end - at, ".") != 0) parts.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

MemoryDisk::MemoryDisk() : root_(std::make_shared<Inode>()) { root_->is_directory = true; }

std::shared_ptr<Inode> MemoryDisk::Find(const std::string& path) const {
  std::shared_ptr<Inode> at = root_;
  for (const std::string& part : PathParts(path)) {
    const auto found = at->live_names.find(part);
    if (found == at->live_names.end()) return nullptr;
    at = found->second;
  }
  return at;
}

std::shared_ptr<Inode> MemoryDisk::FindFolderOf(const std::string& path, std::string& name) const {
  const std::vector<std::string> parts = PathParts(path);
  if (parts.empty()) return nullptr;
  name = parts.back();
  std::shared_ptr<Inode> at = root_;
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    const auto found = at->live_names.find(parts[i]);
    if (found == at->live_names.end() || !found->second->is_directory) return nullptr;
    at = found->second;
  }
  return at;
}

std::shared_ptr<Inode> MemoryDisk::Create(const std::shared_ptr<Inode>& folder, const std::string& name,
                                          bool is_directory) {
  auto node = std::make_shared<Inode>();
  node->id = next_id_++;
  node->is_directory = is_directory;
  folder->live_names[name] = node;
  name_changes_.push_back({nullptr, {}, folder, name, node});
  return node;
}

void MemoryDisk::Remove(const std::shared_ptr<Inode>& folder, const std::string& name) {
  const auto found = folder->live_names.find(name);
  TW_CHECK(found != folder->live_names.end());
  name_changes_.push_back({folder, name, nullptr, {}, found->second});
  folder->live_names.erase(found);
}

void MemoryDisk::Rename(const std::shared_ptr<Inode>& from_folder, const std::string& from,
                        const std::shared_ptr<Inode>& to_folder, const std::string& to) {
  const auto found = from_folder->live_names.find(from);
  TW_CHECK(found != from_folder->live_names.end());
  const std::shared_ptr<Inode> node = found->second;
  from_folder->live_names.erase(found);
  to_folder->live_names[to] = node;
  name_changes_.push_back({from_folder, from, to_folder, to, node});
}

void MemoryDisk::SyncNames(const std::shared_ptr<Inode>& folder) {
  std::vector<bool> chosen(name_changes_.size());
  Touched touched;
  for (size_t i = name_changes_.size(); i-- > 0;) {
    const NameChange& change = name_changes_[i];
    chosen[i] = change.from_folder == folder || change.to_folder == folder || touched.Overlaps(change);
    if (chosen[i]) touched.Add(change);
  }
  std::vector<NameChange> rest;
  for (size_t i = 0; i < name_changes_.size(); ++i) {
    if (chosen[i]) {
      Apply(name_changes_[i]);
    } else {
      rest.push_back(std::move(name_changes_[i]));
    }
  }
  name_changes_ = std::move(rest);
}

MemoryDisk MemoryDisk::Clone(std::vector<std::shared_ptr<Inode>>& nodes) const {
  std::unordered_map<const Inode*, std::shared_ptr<Inode>> copies;
  const auto copy = [&](auto&& self, const std::shared_ptr<Inode>& from) -> std::shared_ptr<Inode> {
    if (!from) return nullptr;
    std::shared_ptr<Inode>& to = copies[from.get()];
    if (to) return to;
    to = std::make_shared<Inode>(*from);
    const std::shared_ptr<Inode> made = to;  // `to` moves when the map grows
    nodes.push_back(made);
    for (auto& [name, node] : made->live_names) node = self(self, node);
    for (auto& [name, node] : made->durable_names) node = self(self, node);
    return made;
  };
  MemoryDisk disk;
  disk.root_ = copy(copy, root_);
  disk.next_id_ = next_id_;
  for (const NameChange& change : name_changes_) {
    disk.name_changes_.push_back({copy(copy, change.from_folder), change.from, copy(copy, change.to_folder), change.to,
                                  copy(copy, change.node)});
  }
  std::ranges::sort(nodes, {}, &Inode::id);
  return disk;
}

namespace {

constexpr size_t kSectorBytes = 512;

/// splitmix64.
class Chance {
 public:
  explicit Chance(uint64_t seed) : state_(seed) {}
  uint64_t Below(uint64_t bound) {
    uint64_t z = state_ += 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return (z ^ (z >> 31)) % bound;
  }
  /// True in `sixteenths` of 16 cases.
  bool Odds(uint64_t sixteenths) { return Below(16) < sixteenths; }
  /// Odds that hold for a whole file, so that states where nearly all or nearly nothing is there are common too.
  uint64_t DrawOdds() {
    constexpr std::array<uint64_t, 5> kOdds = {2, 8, 12, 15, 16};
    return kOdds[Below(kOdds.size())];
  }

 private:
  uint64_t state_;
};

void ApplyTorn(MemoryContent& content, const PendingChange& change, uint64_t odds, Chance& chance) {
  if (change.kind == Kind::kTruncate) {
    if (chance.Odds(odds)) Apply(content, change);
    return;
  }
  const ByteView all = AsBytes(change.bytes);
  for (size_t done = 0; done < all.size();) {
    const uint64_t at = change.offset + done;
    const size_t part = std::min<size_t>(kSectorBytes - at % kSectorBytes, all.size() - done);
    if (chance.Odds(odds)) {
      content.Write(at, all.subspan(done, part));
    } else if (at + part > content.size() && chance.Odds(4)) {
      content.Resize(at + part);
    }
    done += part;
  }
}

void LosePower(Inode& file, PowerLoss loss, Chance& chance) {
  const uint64_t odds = chance.DrawOdds();
  size_t count = file.pending.size();
  if (loss == PowerLoss::kDropUnsynced) count = 0;
  if (loss == PowerLoss::kPrefix) count = chance.Below(count + 1);
  for (size_t i = 0; i < count; ++i) {
    const PendingChange& change = file.pending[i];
    if (loss == PowerLoss::kTorn) {
      ApplyTorn(file.durable, change, odds, chance);
    } else if (loss == PowerLoss::kPrefix || chance.Odds(odds)) {
      Apply(file.durable, change);
    }
  }
  file.pending.clear();
  file.live = file.durable;
}

void LosePower(const std::vector<NameChange>& changes, PowerLoss loss, Chance& chance) {
  const uint64_t odds = chance.DrawOdds();
  const size_t prefix = chance.Below(changes.size() + 1);
  Touched dropped;
  for (size_t i = 0; i < changes.size(); ++i) {
    bool keep = false;
    if (loss == PowerLoss::kPrefix) keep = i < prefix;
    if (loss == PowerLoss::kTorn || loss == PowerLoss::kReorder) {
      keep = chance.Odds(odds) && !dropped.Overlaps(changes[i]);
    }
    if (keep) {
      Apply(changes[i]);
    } else {
      dropped.Add(changes[i]);
    }
  }
}

}  // namespace

MemoryDisk MemoryDisk::AfterCrash(PowerLoss loss, uint64_t seed) const {
  std::vector<std::shared_ptr<Inode>> nodes;
  MemoryDisk disk = Clone(nodes);
  if (loss == PowerLoss::kKeepAll) return disk;
  Chance chance(seed);
  LosePower(disk.name_changes_, loss, chance);
  disk.name_changes_.clear();
  for (const std::shared_ptr<Inode>& node : nodes) {
    if (node->is_directory) {
      node->live_names = node->durable_names;
    } else {
      LosePower(*node, loss, chance);
    }
  }
  return disk;
}

std::string_view PowerLossName(PowerLoss loss) {
  switch (loss) {
    case PowerLoss::kKeepAll:
      return "keep all";
    case PowerLoss::kDropUnsynced:
      return "drop unsynced";
    case PowerLoss::kPrefix:
      return "prefix";
    case PowerLoss::kTorn:
      return "torn";
    case PowerLoss::kReorder:
      return "reorder";
  }
  return "";
}

}  // namespace thalweg::testing
