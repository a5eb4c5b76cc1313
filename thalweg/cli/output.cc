#include "thalweg/cli/output.h"

#include <utility>

#include "thalweg/io/terminal.h"

namespace thalweg::cli {

arrow::Result<std::unique_ptr<Output>> Output::Open(io::FileSystem& fs, const std::string& path) {
  if (path.empty() || path == "-") return std::unique_ptr<Output>(new Output("-", nullptr));
  ARROW_ASSIGN_OR_RAISE(auto file, fs.Open(path, {.mode = io::OpenOptions::Mode::kTruncate}));
  return std::unique_ptr<Output>(new Output(path, std::move(file)));
}

arrow::Status Output::Write(ByteView data) {
  if (ended_ || data.empty()) return arrow::Status::OK();
  if (file_) {
    ARROW_RETURN_NOT_OK(file_->WriteAt(position_, {&data, 1}));
    position_ += data.size();
    return arrow::Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(const bool read, io::WriteStandardOutput(data));
  ended_ = !read;
  return arrow::Status::OK();
}

bool Output::to_terminal() const { return !file_ && io::IsTerminal(io::StandardStream::kOutput); }

}  // namespace thalweg::cli
