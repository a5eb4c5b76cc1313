#include "thalweg/io/file_system.h"

namespace thalweg::io {

arrow::Result<std::string> ReadFile(FileSystem& fs, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const std::unique_ptr<File> file, fs.Open(path, {}));
  ARROW_ASSIGN_OR_RAISE(const uint64_t size, file->Size());
  std::string content(size, '\0');
  ARROW_ASSIGN_OR_RAISE(const size_t got,
                        file->ReadAt(0, {reinterpret_cast<uint8_t*>(content.data()), content.size()}));
  content.resize(got);
  return content;
}

arrow::Status ReplaceFile(FileSystem& fs, const std::string& path, ByteView content) {
  const std::string temporary = path + ".tmp";
  {
    ARROW_ASSIGN_OR_RAISE(const std::unique_ptr<File> file, fs.Open(temporary, {.mode = OpenOptions::Mode::kTruncate}));
    ARROW_RETURN_NOT_OK(file->WriteAt(0, {&content, 1}));
    ARROW_RETURN_NOT_OK(file->Sync());
  }
  ARROW_RETURN_NOT_OK(fs.Rename(temporary, path));
  return fs.SyncDirectory(ParentOf(path));
}

std::string ParentOf(const std::string& path) {
  const size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) return path.empty() ? "." : "/";
  const size_t slash = path.find_last_of('/', end);
  if (slash == std::string::npos) return ".";
  const size_t last = path.find_last_not_of('/', slash);
  return last == std::string::npos ? "/" : path.substr(0, last + 1);
}

}  // namespace thalweg::io
