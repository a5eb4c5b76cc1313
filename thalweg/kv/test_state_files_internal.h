#pragma once

#include <string>

#include "arrow/status.h"
#include "thalweg/base/bytes.h"
#include "thalweg/io/file_system.h"
#include "thalweg/kv/state_store.h"

namespace thalweg::kv {

/// Puts a complete copy of `files` into `directory`, as whoever downloads a snapshot has it. `fs` is the one that the state is in.
inline arrow::Status CopyStateFiles(const StateFiles& files, io::FileSystem& fs, const std::string& directory) {
  ARROW_RETURN_NOT_OK(fs.CreateDirectories(directory));
  for (const StateFile& file : files.files()) {
    ARROW_ASSIGN_OR_RAISE(const auto to,
                          fs.Open(directory + "/" + file.name, {.mode = io::OpenOptions::Mode::kCreateNew}));
    Buffer bytes(file.path.empty() ? 0 : file.bytes);
    ByteView piece = AsBytes(file.content);
    if (!file.path.empty()) {
      ARROW_ASSIGN_OR_RAISE(const auto from, fs.Open(file.path, {}));
      ARROW_ASSIGN_OR_RAISE(const size_t got, from->ReadAt(0, bytes.view()));
      if (got < file.bytes) return arrow::Status::IOError(file.path, " is too short");
      piece = ByteView(bytes.data(), got);
    }
    ARROW_RETURN_NOT_OK(to->WriteAt(0, {&piece, 1}));
    ARROW_RETURN_NOT_OK(to->Sync());
  }
  return fs.SyncDirectory(directory);
}

}  // namespace thalweg::kv
