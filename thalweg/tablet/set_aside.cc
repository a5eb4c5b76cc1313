#include "thalweg/tablet/set_aside.h"

#include "fmt/format.h"

namespace thalweg::tablet {

arrow::Status SetAsideRecord(StoreEnvironment& environment, const journal::RecordHeader& header, ByteView payload) {
  const std::string folder = BucketDirectory(environment.set_aside, header.bucket);
  ARROW_RETURN_NOT_OK(environment.fs.CreateDirectories(folder));
  environment.any_set_aside = true;
  const std::string path = fmt::format("{}/{:020}-{}", folder, header.first, header.sequence);
  ARROW_RETURN_NOT_OK(io::ReplaceFile(environment.fs, path, payload));
  const std::string data = io::ParentOf(environment.set_aside);
  for (std::string at = folder; at.size() > data.size(); at = io::ParentOf(at)) {
    ARROW_RETURN_NOT_OK(environment.fs.SyncDirectory(io::ParentOf(at)));
  }
  return arrow::Status::OK();
}

}  // namespace thalweg::tablet
