#include "thalweg/app/data_directory.h"

#include <charconv>
#include <string_view>

#include "thalweg/base/bytes.h"
#include "thalweg/base/error.h"

namespace thalweg::app {
namespace {

constexpr std::string_view kVersionLine = "thalweg data layout ";
constexpr int kVersion = 1;

}  // namespace

arrow::Status CheckDataVersion(const std::string& path, std::string_view content) {
  int version = 0;
  const std::string_view number = content.starts_with(kVersionLine) ? content.substr(kVersionLine.size()) : "";
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), version);
  const bool whole = std::string_view(end, number.data() + number.size()) == "\n";
  if (error != std::errc() || !whole || version < 1) {
    return Error(ErrorCode::kUnsupportedVersion,
                 "{}/version is not Thalweg's: is this the right directory? Nothing was touched.", path);
  }
  if (version > kVersion) {
    return Error(
        ErrorCode::kUnsupportedVersion,
        "{} was written by a newer Thalweg (layout {}, this one knows {}). Start that version. Nothing was touched.",
        path, version, kVersion);
  }
  return arrow::Status::OK();
}

arrow::Result<std::unique_ptr<io::FileSystem::Lock>> ClaimDataDirectory(io::FileSystem& fs, const std::string& path) {
  const std::string version_path = path + "/version";
  ARROW_ASSIGN_OR_RAISE(const bool versioned, fs.Exists(version_path));
  if (versioned) {
    ARROW_ASSIGN_OR_RAISE(const std::string content, io::ReadFile(fs, version_path));
    ARROW_RETURN_NOT_OK(CheckDataVersion(path, content));
  } else {
    ARROW_ASSIGN_OR_RAISE(const bool exists, fs.Exists(path));
    if (exists) {
      ARROW_ASSIGN_OR_RAISE(const auto entries, fs.List(path));
      for (const auto& entry : entries) {
        // A start that ended before it wrote the version leaves the lock behind, and the temporary version.
        if (entry.name == "lock" || entry.name.starts_with("version")) continue;
        return Error(
            ErrorCode::kUnsupportedVersion,
            "{} holds other files ({}) and no Thalweg data. Choose another directory with --data. Nothing was touched.",
            path, entry.name);
      }
    }
    ARROW_RETURN_NOT_OK(fs.CreateDirectories(path));
  }
  ARROW_ASSIGN_OR_RAISE(auto lock, fs.AcquireLock(path + "/lock"));
  if (!versioned) {
    const std::string content = fmt::format("{}{}\n", kVersionLine, kVersion);
    ARROW_RETURN_NOT_OK(io::ReplaceFile(fs, version_path, AsBytes(content)));
  }
  return lock;
}

}  // namespace thalweg::app
