#include "thalweg/testing/memory_file_system.h"

#include <algorithm>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "fmt/format.h"
#include "thalweg/base/check.h"
#include "thalweg/base/error.h"
#include "thalweg/testing/memory_disk_internal.h"

namespace thalweg::testing {
namespace {

using Mode = io::OpenOptions::Mode;

std::string_view NameOf(Operation kind) {
  constexpr std::array<std::string_view, 11> kNames = {
      "read",     "create", "write",  "write durably",     "sync",           "write back",
      "truncate", "rename", "remove", "create the folder", "sync the folder"};
  return kNames[static_cast<size_t>(kind)];
}

/// What is to become of one operation.
struct Plan {
  bool crash = false;          ///< happens as far as an operation in flight does, then everything is over
  std::optional<Fault> fault;  ///< does not happen, or partly

  bool Happens() const { return !fault.has_value(); }
};

struct ExpectedFault {
  Operation kind;
  std::string path_part;
  Fault fault;
  int times;
};

}  // namespace

struct MemoryFileSystem::State {
  mutable std::mutex mutex;
  MemoryDisk disk;
  uint64_t operations = 0;
  Operation last_kind = Operation::kRead;
  std::string last_path;
  uint64_t crash_after = std::numeric_limits<uint64_t>::max();
  bool crashed = false;
  bool cold = false;
  uint64_t free_bytes = uint64_t{1} << 40;
  std::map<uint64_t, Fault> faults_by_index;
  std::vector<ExpectedFault> faults_by_kind;
  std::set<std::string> locks;

  Plan Begin(Operation kind, const std::string& path) {
    Plan plan;
    if (kind != Operation::kRead) {
      ++operations;
      last_kind = kind;
      last_path = path;
      if (operations > crash_after) {
        crashed = true;
        plan.crash = true;
        return plan;
      }
      if (const auto at = faults_by_index.find(operations); at != faults_by_index.end()) {
        plan.fault = at->second;
        return plan;
      }
    }
    for (ExpectedFault& expected : faults_by_kind) {
      if (expected.kind != kind || expected.times <= 0 || path.find(expected.path_part) == std::string::npos) continue;
      --expected.times;
      plan.fault = expected.fault;
      break;
    }
    return plan;
  }

  static arrow::Status Gone() { return Error(ErrorCode::kStorage, "The simulated machine has crashed."); }

  /// The status of an operation that went as planned.
  static arrow::Status Outcome(const Plan& plan, Operation kind, const std::string& path) {
    if (plan.crash) return Gone();
    if (!plan.fault) return arrow::Status::OK();
    if (*plan.fault == Fault::kNoSpace || *plan.fault == Fault::kShortWrite) {
      return Error(ErrorCode::kDiskWriteLocked, "Cannot {} {}: No space left on device (simulated).", NameOf(kind),
                   path);
    }
    return Error(ErrorCode::kStorage, "Cannot {} {}: Input/output error (simulated).", NameOf(kind), path);
  }

  static arrow::Status Refuse(Operation kind, const std::string& path, std::string_view why) {
    return Error(ErrorCode::kStorage, "Cannot {} {}: {}.", NameOf(kind), path, why);
  }

  void GiveBack(const Inode& node) {
    if (!node.is_directory) free_bytes += node.live.size();
  }

  /// Under the mutex, as all above.
  arrow::Status RemoveOne(const std::shared_ptr<Inode>& folder, const std::string& name, const std::string& path) {
    if (crashed) return Gone();
    const Plan plan = Begin(Operation::kRemove, path);
    if (plan.Happens()) {
      GiveBack(*folder->live_names.at(name));
      disk.Remove(folder, name);
    }
    return Outcome(plan, Operation::kRemove, path);
  }

  arrow::Status RemoveAll(const std::shared_ptr<Inode>& folder, const std::string& name, const std::string& path) {
    const std::shared_ptr<Inode> node = folder->live_names.at(name);
    std::vector<std::string> inside;
    for (const auto& [child, unused] : node->live_names) inside.push_back(child);
    for (const std::string& child : inside) ARROW_RETURN_NOT_OK(RemoveAll(node, child, path + "/" + child));
    return RemoveOne(folder, name, path);
  }
};

namespace {

using State = MemoryFileSystem::State;

class MemoryFile final : public io::File {
 public:
  MemoryFile(std::shared_ptr<State> state, std::shared_ptr<Inode> node, std::string path, io::OpenOptions options)
      : state_(std::move(state)), node_(std::move(node)), path_(std::move(path)), options_(options) {}

  arrow::Result<size_t> ReadAt(uint64_t offset, MutableByteView into) override {
    std::lock_guard lock(state_->mutex);
    if (state_->crashed) return State::Gone();
    ARROW_RETURN_NOT_OK(State::Outcome(state_->Begin(Operation::kRead, path_), Operation::kRead, path_));
    return node_->live.Read(offset, into);
  }

  arrow::Result<int64_t> ReadAtNoWait(uint64_t offset, MutableByteView into) override {
    if (!IsResident(offset, into.size())) return -1;
    ARROW_ASSIGN_OR_RAISE(const size_t got, ReadAt(offset, into));
    return static_cast<int64_t>(got);
  }

  bool IsResident(uint64_t offset, uint64_t bytes) override {
    std::lock_guard lock(state_->mutex);
    return !state_->cold;
  }

  arrow::Status WriteAt(uint64_t offset, std::span<const ByteView> pieces) override {
    std::string joined;
    for (const ByteView piece : pieces) joined += AsText(piece);
    return WriteAs(Operation::kWrite, offset, AsBytes(joined));
  }

  arrow::Status WriteDurable(uint64_t offset, ByteView piece) override {
    const uintptr_t address = reinterpret_cast<uintptr_t>(piece.data());
    TW_CHECK(!options_.direct || ((offset | piece.size() | address) & (io::kDirectAlignment - 1)) == 0);
    return WriteAs(Operation::kWriteDurable, offset, piece);
  }

  arrow::Status Sync() override {
    std::lock_guard lock(state_->mutex);
    if (state_->crashed) return State::Gone();
    const Plan plan = state_->Begin(Operation::kSync, path_);
    if (plan.fault == Fault::kLoseUnsynced) node_->pending.clear();
    if (plan.Happens() && !plan.crash) node_->Sync();
    return State::Outcome(plan, Operation::kSync, path_);
  }

  arrow::Status WriteBack(uint64_t offset, uint64_t bytes) override {
    std::lock_guard lock(state_->mutex);
    if (state_->crashed) return State::Gone();
    const Plan plan = state_->Begin(Operation::kWriteBack, path_);
    // As with Linux, whose later fdatasync on this descriptor reports success.
    if (plan.fault == Fault::kLoseUnsynced) node_->pending.clear();
    return State::Outcome(plan, Operation::kWriteBack, path_);
  }

  arrow::Status Truncate(uint64_t size) override {
    std::lock_guard lock(state_->mutex);
    if (state_->crashed) return State::Gone();
    if (!writable()) return State::Refuse(Operation::kTruncate, path_, "it is open for reading only");
    const Plan plan = state_->Begin(Operation::kTruncate, path_);
    if (plan.Happens()) {
      state_->free_bytes += node_->live.size();
      node_->Truncate(size);
      state_->free_bytes -= std::min(state_->free_bytes, size);
    }
    return State::Outcome(plan, Operation::kTruncate, path_);
  }

  arrow::Result<uint64_t> Size() override {
    std::lock_guard lock(state_->mutex);
    if (state_->crashed) return State::Gone();
    return node_->live.size();
  }

  const std::string& path() const override { return path_; }
  int NativeHandle() const override { return -1; }

 private:
  bool writable() const { return options_.mode != Mode::kReadOnly; }

  arrow::Status WriteAs(Operation kind, uint64_t offset, ByteView data) {
    std::lock_guard lock(state_->mutex);
    if (state_->crashed) return State::Gone();
    if (!writable()) return State::Refuse(kind, path_, "it is open for reading only");
    Plan plan = state_->Begin(kind, path_);
    const uint64_t size = node_->live.size();
    if (plan.Happens() && offset + data.size() > std::max(size, offset) + state_->free_bytes)
      plan.fault = Fault::kShortWrite;
    if (plan.fault == Fault::kShortWrite) {
      const uint64_t room = state_->free_bytes + (size > offset ? size - offset : 0);
      node_->Write(offset, data.first(std::min<uint64_t>(data.size() / 2, room)));
    } else if (plan.fault == Fault::kLoseUnsynced) {
      node_->Write(offset, data);
      node_->pending.clear();
    } else if (plan.Happens() && kind == Operation::kWriteDurable && !plan.crash) {
      node_->WriteDurable(offset, data);
    } else if (plan.Happens()) {
      node_->Write(offset, data);
    }
    const uint64_t grown = node_->live.size() - size;
    state_->free_bytes -= std::min(state_->free_bytes, grown);
    return State::Outcome(plan, kind, path_);
  }

  const std::shared_ptr<State> state_;
  const std::shared_ptr<Inode> node_;
  const std::string path_;
  const io::OpenOptions options_;
};

class MemoryLock final : public io::FileSystem::Lock {
 public:
  MemoryLock(std::shared_ptr<State> state, std::string path) : state_(std::move(state)), path_(std::move(path)) {}
  ~MemoryLock() override {
    std::lock_guard lock(state_->mutex);
    state_->locks.erase(path_);
  }

 private:
  const std::shared_ptr<State> state_;
  const std::string path_;
};

}  // namespace

MemoryFileSystem::MemoryFileSystem() : state_(std::make_shared<State>()) {}
MemoryFileSystem::MemoryFileSystem(std::shared_ptr<State> state) : state_(std::move(state)) {}
MemoryFileSystem::~MemoryFileSystem() = default;

arrow::Result<std::unique_ptr<io::File>> MemoryFileSystem::Open(const std::string& path,
                                                                const io::OpenOptions& options) {
  std::lock_guard lock(state_->mutex);
  if (state_->crashed) return State::Gone();
  std::string name;
  const std::shared_ptr<Inode> folder = state_->disk.FindFolderOf(path, name);
  std::shared_ptr<Inode> node = folder ? state_->disk.Find(path) : nullptr;
  if (node && node->is_directory) return State::Refuse(Operation::kRead, path, "Is a directory");
  const bool may_create = options.mode != Mode::kReadOnly && options.mode != Mode::kReadWrite;
  if (!folder || (!node && !may_create)) return State::Refuse(Operation::kRead, path, "No such file or directory");
  if (node && options.mode == Mode::kCreateNew) return State::Refuse(Operation::kCreate, path, "File exists");
  if (!node) {
    const Plan plan = state_->Begin(Operation::kCreate, path);
    if (plan.Happens()) node = state_->disk.Create(folder, name, false);
    ARROW_RETURN_NOT_OK(State::Outcome(plan, Operation::kCreate, path));
  } else if (options.mode == Mode::kTruncate && node->live.size() > 0) {
    const Plan plan = state_->Begin(Operation::kTruncate, path);
    if (plan.Happens()) {
      state_->GiveBack(*node);
      node->Truncate(0);
    }
    ARROW_RETURN_NOT_OK(State::Outcome(plan, Operation::kTruncate, path));
  }
  return std::make_unique<MemoryFile>(state_, std::move(node), path, options);
}

arrow::Status MemoryFileSystem::Rename(const std::string& from, const std::string& to) {
  std::lock_guard lock(state_->mutex);
  if (state_->crashed) return State::Gone();
  std::string from_name;
  std::string to_name;
  const std::shared_ptr<Inode> from_folder = state_->disk.FindFolderOf(from, from_name);
  const std::shared_ptr<Inode> to_folder = state_->disk.FindFolderOf(to, to_name);
  if (!from_folder || !to_folder || !from_folder->live_names.contains(from_name)) {
    return State::Refuse(Operation::kRename, from, "No such file or directory");
  }
  const auto replaced = to_folder->live_names.find(to_name);
  const bool same = from_folder == to_folder && from_name == to_name;
  if (!same && replaced != to_folder->live_names.end() && replaced->second->is_directory) {
    return State::Refuse(Operation::kRename, from, "a folder stands at the new name");
  }
  const Plan plan = state_->Begin(Operation::kRename, to);
  if (plan.Happens() && !same) {
    if (replaced != to_folder->live_names.end()) state_->GiveBack(*replaced->second);
    state_->disk.Rename(from_folder, from_name, to_folder, to_name);
  }
  return State::Outcome(plan, Operation::kRename, to);
}

arrow::Status MemoryFileSystem::Remove(const std::string& path) {
  std::lock_guard lock(state_->mutex);
  if (state_->crashed) return State::Gone();
  std::string name;
  const std::shared_ptr<Inode> folder = state_->disk.FindFolderOf(path, name);
  if (!folder || !folder->live_names.contains(name)) return arrow::Status::OK();
  if (folder->live_names.at(name)->is_directory) return State::Refuse(Operation::kRemove, path, "Is a directory");
  return state_->RemoveOne(folder, name, path);
}

arrow::Status MemoryFileSystem::RemoveTree(const std::string& path) {
  std::lock_guard lock(state_->mutex);
  if (state_->crashed) return State::Gone();
  std::string name;
  const std::shared_ptr<Inode> folder = state_->disk.FindFolderOf(path, name);
  if (!folder || !folder->live_names.contains(name)) return arrow::Status::OK();
  return state_->RemoveAll(folder, name, path);
}

arrow::Status MemoryFileSystem::CreateDirectories(const std::string& path) {
  std::lock_guard lock(state_->mutex);
  if (state_->crashed) return State::Gone();
  std::shared_ptr<Inode> at = state_->disk.Find("/");
  for (const std::string& part : PathParts(path)) {
    if (!at->is_directory) return State::Refuse(Operation::kCreateDirectory, path, "Not a directory");
    if (const auto found = at->live_names.find(part); found != at->live_names.end()) {
      at = found->second;
      continue;
    }
    const Plan plan = state_->Begin(Operation::kCreateDirectory, path);
    if (plan.Happens()) at = state_->disk.Create(at, part, true);
    ARROW_RETURN_NOT_OK(State::Outcome(plan, Operation::kCreateDirectory, path));
  }
  if (!at->is_directory) return State::Refuse(Operation::kCreateDirectory, path, "Not a directory");
  return arrow::Status::OK();
}

arrow::Status MemoryFileSystem::SyncDirectory(const std::string& path) {
  std::lock_guard lock(state_->mutex);
  if (state_->crashed) return State::Gone();
  const std::shared_ptr<Inode> folder = state_->disk.Find(path);
  if (!folder || !folder->is_directory) {
    return State::Refuse(Operation::kSyncDirectory, path, "No such file or directory");
  }
  const Plan plan = state_->Begin(Operation::kSyncDirectory, path);
  if (plan.Happens() && !plan.crash) state_->disk.SyncNames(folder);
  return State::Outcome(plan, Operation::kSyncDirectory, path);
}

arrow::Result<bool> MemoryFileSystem::Exists(const std::string& path) {
  std::lock_guard lock(state_->mutex);
  if (state_->crashed) return State::Gone();
  return state_->disk.Find(path) != nullptr;
}

arrow::Result<std::vector<io::Entry>> MemoryFileSystem::List(const std::string& path) {
  std::lock_guard lock(state_->mutex);
  if (state_->crashed) return State::Gone();
  const std::shared_ptr<Inode> folder = state_->disk.Find(path);
  if (!folder || !folder->is_directory) return State::Refuse(Operation::kRead, path, "No such file or directory");
  std::vector<io::Entry> entries;
  for (const auto& [name, node] : folder->live_names) {
    entries.push_back({name, node->is_directory, node->is_directory ? 0 : node->live.size()});
  }
  return entries;
}

arrow::Result<uint64_t> MemoryFileSystem::FreeBytes(const std::string& path) {
  std::lock_guard lock(state_->mutex);
  if (state_->crashed) return State::Gone();
  return state_->free_bytes;
}

arrow::Result<std::unique_ptr<io::FileSystem::Lock>> MemoryFileSystem::AcquireLock(const std::string& path) {
  {
    std::lock_guard lock(state_->mutex);
    if (state_->crashed) return State::Gone();
    if (!state_->locks.insert(path).second) {
      return Error(ErrorCode::kStorage, "{} is locked by process 1. Stop that process, or use another folder.", path);
    }
  }
  auto held = std::make_unique<MemoryLock>(state_, path);
  ARROW_ASSIGN_OR_RAISE(const auto file, Open(path, {.mode = Mode::kTruncate}));
  const ByteView pid = AsBytes("1\n");
  ARROW_RETURN_NOT_OK(file->WriteAt(0, {&pid, 1}));
  return held;
}

void MemoryFileSystem::CreateDurableDirectories(const std::string& path) {
  std::lock_guard lock(state_->mutex);
  std::shared_ptr<Inode> at = state_->disk.Find("/");
  for (const std::string& part : PathParts(path)) {
    if (!at->live_names.contains(part)) state_->disk.Create(at, part, true);
    state_->disk.SyncNames(at);
    at = at->live_names.at(part);
  }
}

uint64_t MemoryFileSystem::operations() const {
  std::lock_guard lock(state_->mutex);
  return state_->operations;
}

std::string MemoryFileSystem::DescribeLastOperation() const {
  std::lock_guard lock(state_->mutex);
  if (state_->operations == 0) return "no operation";
  return fmt::format("operation {}: {} {}", state_->operations, NameOf(state_->last_kind), state_->last_path);
}

void MemoryFileSystem::CrashAfter(uint64_t count) {
  std::lock_guard lock(state_->mutex);
  state_->crash_after = count;
}

bool MemoryFileSystem::crashed() const {
  std::lock_guard lock(state_->mutex);
  return state_->crashed;
}

std::unique_ptr<MemoryFileSystem> MemoryFileSystem::PowerCut(PowerLoss loss, uint64_t seed) const {
  auto after = std::make_shared<State>();
  std::lock_guard lock(state_->mutex);
  after->disk = state_->disk.AfterCrash(loss, seed);
  return std::unique_ptr<MemoryFileSystem>(new MemoryFileSystem(std::move(after)));
}

void MemoryFileSystem::FailOperation(uint64_t index, Fault fault) {
  std::lock_guard lock(state_->mutex);
  state_->faults_by_index[index] = fault;
}

void MemoryFileSystem::FailNext(Operation kind, const std::string& path_part, Fault fault, int times) {
  std::lock_guard lock(state_->mutex);
  state_->faults_by_kind.push_back({kind, path_part, fault, times});
}

void MemoryFileSystem::SetFreeBytes(uint64_t bytes) {
  std::lock_guard lock(state_->mutex);
  state_->free_bytes = bytes;
}

void MemoryFileSystem::SetCold(bool cold) {
  std::lock_guard lock(state_->mutex);
  state_->cold = cold;
}

void MemoryFileSystem::FlipBits(const std::string& path, uint64_t offset, uint8_t mask) {
  std::lock_guard lock(state_->mutex);
  const std::shared_ptr<Inode> node = state_->disk.Find(path);
  TW_CHECK(node && !node->is_directory && offset < node->live.size());
  for (MemoryContent* const content : {&node->live, &node->durable}) {
    uint8_t byte;
    if (content->Read(offset, {&byte, 1}) == 0) continue;
    byte ^= mask;
    content->Write(offset, {&byte, 1});
  }
  for (PendingChange& change : node->pending) {
    if (change.kind == PendingChange::Kind::kWrite && offset >= change.offset &&
        offset < change.offset + change.bytes.size()) {
      change.bytes[offset - change.offset] ^= static_cast<char>(mask);
    }
  }
}

}  // namespace thalweg::testing
