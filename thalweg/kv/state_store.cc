#include "thalweg/kv/state_store.h"

#include <algorithm>

#include "thalweg/base/error.h"

namespace thalweg::kv {
namespace {

constexpr size_t kCopyChunkBytes = 1 << 20;

arrow::Status CopyStateFile(const StateFile& file, io::FileSystem& fs, const std::string& directory) {
  ARROW_ASSIGN_OR_RAISE(const auto to,
                        fs.Open(directory + "/" + file.name, {.mode = io::OpenOptions::Mode::kCreateNew}));
  if (file.path.empty()) {
    const ByteView piece = AsBytes(file.content);
    ARROW_RETURN_NOT_OK(to->WriteAt(0, {&piece, 1}));
    return to->Sync();
  }
  ARROW_ASSIGN_OR_RAISE(const auto from, fs.Open(file.path, {}));
  Buffer chunk(static_cast<size_t>(std::clamp<uint64_t>(file.bytes, 1, kCopyChunkBytes)));
  for (uint64_t at = 0; at < file.bytes;) {
    const size_t wanted = static_cast<size_t>(std::min<uint64_t>(chunk.size(), file.bytes - at));
    ARROW_ASSIGN_OR_RAISE(const size_t got, from->ReadAt(at, chunk.view().first(wanted)));
    if (got == 0) {
      return Error(ErrorCode::kKvStorage, "{} ends at byte {} instead of {}.", file.path, at, file.bytes);
    }
    const ByteView piece(chunk.data(), got);
    ARROW_RETURN_NOT_OK(to->WriteAt(at, {&piece, 1}));
    at += got;
  }
  return to->Sync();
}

}  // namespace

arrow::Result<std::optional<std::string>> Get(StateStore& store, ByteView key) {
  RowBatch rows;
  rows.Reset(1);
  ARROW_RETURN_NOT_OK(store.MultiGet({&key, 1}, &rows));
  const std::optional<ByteView> value = rows.At(0);
  if (!value) return std::nullopt;
  return std::string(AsText(*value));
}

arrow::Status CopyStateFiles(const StateFiles& files, io::FileSystem& fs, const std::string& directory) {
  ARROW_RETURN_NOT_OK(fs.CreateDirectories(directory));
  for (const StateFile& file : files.files()) ARROW_RETURN_NOT_OK(CopyStateFile(file, fs, directory));
  ARROW_RETURN_NOT_OK(fs.SyncDirectory(directory));
  return fs.SyncDirectory(io::ParentOf(directory));
}

}  // namespace thalweg::kv
