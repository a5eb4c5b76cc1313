#pragma once

#include <functional>
#include <memory>
#include <string>

#include "arrow/io/interfaces.h"
#include "arrow/result.h"
#include "thalweg/io/file_system.h"

/// Our files as Arrow's readers and writers want them.
namespace thalweg::cli {

/// For reading; `fs` must outlive it. Thread safety: as io::File.
arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenForArrow(io::FileSystem& fs, const std::string& path);

/// Hands on whatever is written.
std::shared_ptr<arrow::io::OutputStream> WriteForArrow(std::function<arrow::Status(ByteView)> write);

}  // namespace thalweg::cli
