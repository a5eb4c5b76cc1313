#pragma once

#include <memory>

#include "thalweg/io/file_system.h"

namespace rocksdb {
class Env;
class Logger;
}  // namespace rocksdb

namespace thalweg::io {

/// An Env for RocksDB 7.8 whose files, folders and locks are those of `fs`, which must outlive it; threads and time are
/// the machine's. A full device becomes NoSpace, a missing file PathNotFound, everything else IOError. What RocksDB can do
/// without is not supported: hard links, memory-mapped and read-write files, modification times (always 0). OPTIONS files are
/// not synced: nothing depends on them.
/// Thread safety: all of it.
std::shared_ptr<rocksdb::Env> MakeRocksdbEnv(FileSystem& fs);

/// For DBOptions::info_log: keeps RocksDB from writing LOG files, which grow without bound.
std::shared_ptr<rocksdb::Logger> MakeQuietRocksdbLogger();

}  // namespace thalweg::io
