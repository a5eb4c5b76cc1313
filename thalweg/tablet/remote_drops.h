#pragma once

#include <functional>
#include <string>

#include "arrow/status.h"
#include "thalweg/io/file_system.h"
#include "thalweg/io/object_store.h"

namespace thalweg::tablet {

/// Buckets that are gone and whose remote data has yet to go: one file each in `folder`, which is the bucket's own file about
/// what is remote. So a drop comes to its end whatever happens in between: a crash, or a store that cannot be reached.

/// Moves those files there, durably, from all bucket folders in `from` (itself one, or a table's or partition's), which lies
/// below `root`: the folder of all logs, or of all snapshots. A bucket without one has never been copied.
arrow::Status NoteRemoteDrops(io::FileSystem& fs, const std::string& folder, const std::string& root,
                              const std::string& from);

/// The name of a bucket's own file about what of its log is remote, in the log's folder. The log leaves it alone.
inline constexpr const char* kTierFile = "remote.manifest";
/// Of the one about the snapshots of its rows, in a folder of its own below SnapshotsDirectory.
inline constexpr const char* kSnapshotsFile = "snapshots.manifest";
inline std::string SnapshotsDirectory(const std::string& data) { return data + "/snapshots"; }

/// Removes what all files in `folder` name, and then each of them, while `go_on` says true. Tries all; the first error. Blocks.
/// One caller at a time.
arrow::Status FinishRemoteDrops(io::FileSystem& fs, io::ObjectStore& store, const std::string& folder,
                                const std::function<bool()>& go_on);

}  // namespace thalweg::tablet
