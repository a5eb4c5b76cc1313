#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/bytes.h"

namespace thalweg::io {

/// An open file. Calls block; on a shard only the NoWait forms may be used.
///
/// Errors carry kStorage (the message names the file and the operating system's reason), kDiskWriteLocked where
/// the device is full. Written means visible to later reads; it is durable only after Sync (or WriteDurable) succeeded
/// and, for a new name, after FileSystem::SyncDirectory. A failed Sync leaves it unknown which writes reached the device,
/// and a second Sync proves nothing: the caller must write the data elsewhere.
///
/// Thread safety: all calls, provided that writers do not overlap each other's ranges.
class File {
 public:
  virtual ~File() = default;

  /// Reads up to `into.size()` bytes; fewer only at the end of the file.
  virtual arrow::Result<size_t> ReadAt(uint64_t offset, MutableByteView into) = 0;
  /// As ReadAt, but gives -1 instead of waiting for the device.
  virtual arrow::Result<int64_t> ReadAtNoWait(uint64_t offset, MutableByteView into) = 0;
  /// Whether reading [offset, offset + bytes) would most likely not wait for the device.
  virtual bool IsResident(uint64_t offset, uint64_t bytes) = 0;

  /// Writes all pieces one behind the other, starting at `offset`; extends the file where needed.
  virtual arrow::Status WriteAt(uint64_t offset, std::span<const ByteView> pieces) = 0;
  /// As WriteAt with one piece, but durable when it returns. With OpenOptions::direct offset, size and address of `piece`
  /// must be multiples of kDirectAlignment.
  virtual arrow::Status WriteDurable(uint64_t offset, ByteView piece) = 0;
  /// Makes everything written so far durable, and of the metadata what is needed to read it (fdatasync).
  virtual arrow::Status Sync() = 0;
  /// Has the device take what of [offset, offset + bytes) only the page cache holds, and waits for that (sync_file_range): a
  /// Sync that follows finds so much less to do. Makes nothing durable. A failure is worth as much as one of Sync, which
  /// will not tell of it again. Does nothing where the file system cannot.
  virtual arrow::Status WriteBack(uint64_t offset, uint64_t bytes) = 0;
  virtual arrow::Status Truncate(uint64_t size) = 0;
  virtual arrow::Result<uint64_t> Size() = 0;

  virtual const std::string& path() const = 0;
  /// A descriptor for sendfile, -1 where there is none (memory). Valid as long as this object.
  virtual int NativeHandle() const = 0;
};

/// Address, offset and size unit of direct writes, in bytes.
inline constexpr size_t kDirectAlignment = 4096;

}  // namespace thalweg::io
