#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/io/file_system.h"
#include "thalweg/io/object_store.h"
#include "thalweg/log/closed_segment.h"
#include "thalweg/remote/manifest.h"
#include "thalweg/runtime/random.h"

namespace thalweg::remote {

/// The remote part of one bucket's log. What counts is a manifest on the server's own disk (`path`); it names only what is
/// durable in the store:
///
///   1. Name       the local file says how the table is called, so that whatever comes can be found again;
///   2. Upload     objects of a segment, which nobody reads yet;
///   3. Commit     the manifest as an object, then the local file in its place, durable; from then on it counts;
///   4. only then  local copies may go, or objects that the manifest no longer names.
///
/// A crash between any of these leaves objects that no manifest names: Sweep removes them.
///
/// Invariant: what manifest() gives is durable in both places, so a local copy may be dropped on its word.
/// Thread safety: manifest() from any thread; the rest for one caller at a time. Calls block.
class RemoteLog {
 public:
  /// Reads `path`; without it nothing is remote. kStorage where it is damaged. `fs` and `store` outlive the log.
  static arrow::Result<std::unique_ptr<RemoteLog>> Open(io::FileSystem& fs, io::ObjectStore& store, std::string path);

  /// Never null.
  std::shared_ptr<const Manifest> manifest() const;

  /// Before the first Upload, and before anything is dropped or removed on the word of what Open found: makes sure that the
  /// local file is there, durable, and says what manifest() says.
  arrow::Status Establish(const TableNames& names, const TableBucket& bucket);
  /// Copies a segment. Cancelled once `go_on` says false.
  arrow::Result<RemoteSegment> Upload(const log::ClosedSegment& segment, runtime::Random& random,
                                      const std::function<bool()>& go_on);
  /// Makes `segments`, which adjoin, all that counts. After an error nothing has changed, but see Establish.
  arrow::Status Commit(std::vector<RemoteSegment> segments, runtime::Random& random);
  /// Removes the objects of segments that the manifest does not name.
  arrow::Status Remove(const std::vector<RemoteSegment>& segments);
  /// Removes all objects of this bucket that the manifest does not name.
  arrow::Status Sweep();
  /// Removes all objects of this bucket, and what of its folders is empty then.
  arrow::Status RemoveAll();

 private:
  RemoteLog(io::FileSystem& fs, io::ObjectStore& store, std::string path, Manifest manifest);

  std::string folder() const;
  arrow::Status WriteLocal(const Manifest& manifest);

  io::FileSystem& fs_;
  io::ObjectStore& store_;
  const std::string path_;
  bool established_ = false;  ///< the local file is durable and says what manifest_ says

  mutable std::mutex mutex_;
  std::shared_ptr<const Manifest> manifest_;
};

/// A random UUID as text.
std::string MakeUuid(runtime::Random& random);

}  // namespace thalweg::remote
