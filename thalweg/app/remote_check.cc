#include <chrono>
#include <memory>

#include "thalweg/app/machine.h"
#include "thalweg/base/error.h"
#include "thalweg/io/object_store.h"
#include "thalweg/io/posix_file_system.h"
#include "thalweg/runtime/threads.h"

namespace thalweg::app {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);

}  // namespace

std::optional<arrow::Status> LookAtRemoteStorage(const ServeOptions& options) {
  const std::string& root = options.remote_data_directory;
  if (root.empty() || options.remote_task_interval_ms <= 0) return std::nullopt;
  io::PosixFileSystem fs;
  if (root.starts_with('/')) {
    const auto exists = fs.Exists(root);
    if (!exists.ok()) return exists.status();
    if (!*exists) return std::nullopt;  // the start makes it
  }
  auto opened = io::OpenObjectStore(fs, root, options.remote_login);
  if (!opened.ok()) return opened.status();
  const std::shared_ptr<io::ObjectStore> store = std::move(opened).ValueUnsafe();
  runtime::BlockingPool patience(1);
  patience.PostAfter(kPatience, [store] { store->BeginStop(); });
  const arrow::Status status = io::CheckObjectStore(*store);
  patience.Stop();
  if (!status.IsCancelled()) return status;
  return Error(ErrorCode::kStorage, "It has not answered for {} seconds.", kPatience.count());
}

}  // namespace thalweg::app
