#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/io/file_system.h"

namespace thalweg::cli {

/// Where a command writes its rows: standard output, or a file that is made anew.
class Output {
 public:
  /// `path` "-" or empty: standard output.
  static arrow::Result<std::unique_ptr<Output>> Open(io::FileSystem& fs, const std::string& path);

  /// Once ended() it swallows what comes.
  arrow::Status Write(ByteView data);
  /// Whether nobody reads any more (`thalweg consume … | head`).
  bool ended() const { return ended_; }
  bool to_terminal() const;
  const std::string& path() const { return path_; }

 private:
  Output(std::string path, std::unique_ptr<io::File> file) : path_(std::move(path)), file_(std::move(file)) {}

  const std::string path_;
  const std::unique_ptr<io::File> file_;  ///< null: standard output
  uint64_t position_ = 0;
  bool ended_ = false;
};

}  // namespace thalweg::cli
