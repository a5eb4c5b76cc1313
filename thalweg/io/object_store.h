#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/bytes.h"
#include "thalweg/io/file.h"
#include "thalweg/io/file_system.h"

namespace thalweg::io {

/// An object by its name below the store's root ("log/db/t-7/0/…") and its size, which is known once it is whole.
struct ObjectRef {
  std::string key;
  uint64_t bytes = 0;
};

/// Whole objects under names, in a directory or in an object store. An object is durable and complete once its Put has
/// succeeded; after a failed Put, or a crash inside one, there is the whole object or none. What was put is never changed,
/// and putting the same content again does no harm.
///
/// Errors carry kStorage; the message names the object and says why, never how the store is logged in to.
/// Calls block, for a bounded time where the store does not answer at all: some seconds for each of a few attempts.
/// Thread safety: all calls.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  virtual arrow::Status Put(const std::string& key, ByteView content) = 0;
  /// The first `bytes` bytes of `file`. Gives up (Cancelled) between pieces once `go_on` says false.
  virtual arrow::Status PutFile(const std::string& key, File& file, uint64_t bytes,
                                const std::function<bool()>& go_on) = 0;
  /// Up to `into.size()` bytes; fewer only at the end of the object. An error where there is no such object.
  virtual arrow::Result<size_t> ReadAt(const ObjectRef& object, uint64_t offset, MutableByteView into) = 0;
  /// What lies directly in a folder of names. Empty where there is none.
  virtual arrow::Result<std::vector<Entry>> List(const std::string& folder) = 0;
  /// No error where it is missing.
  virtual arrow::Status Remove(const std::string& key) = 0;
  /// A folder of names and all in it. No error where it is missing.
  virtual arrow::Status RemoveTree(const std::string& folder) = 0;

  /// From now on nothing is tried a second time, and after half a second no call is waited for any longer, whether the store has
  /// answered or not (Cancelled). Does not wait. Nothing to do where a store always answers.
  virtual void BeginStop() {}

  /// What clients that read objects for themselves may be told the root is; empty where they must not, since that would
  /// take our own keys to the store.
  virtual const std::string& public_root() const = 0;
};

/// How to reach an S3 store; what is empty is taken from the environment, as AWS's own tools have it.
struct S3Login {
  std::string endpoint;  ///< "http://127.0.0.1:9000"; empty: AWS itself
  std::string region;
  std::string access_key;
  std::string secret_key;
};

/// The store that `root` names: a directory ("/srv/fluss", "file:///srv/fluss"), where every object and its name are synced,
/// through `fs`; else whatever Arrow has a file system for ("s3://bucket/folder?region=…"). kInvalidConfig where it names none.
/// Whether an object store answers is not asked: see CheckObjectStore.
arrow::Result<std::unique_ptr<ObjectStore>> OpenObjectStore(FileSystem& fs, const std::string& root,
                                                            const S3Login& login);

/// Whether objects can be written and removed. Blocks as long as the store has one wait.
arrow::Status CheckObjectStore(ObjectStore& store);

/// Ends what libraries of object stores have running. Last thing in a process that opened any. False where a call that nobody
/// waits for is still under way: the libraries cannot be ended then, so the process has to end without them (_Exit).
[[nodiscard]] bool FinishObjectStores();

}  // namespace thalweg::io
