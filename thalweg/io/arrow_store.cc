#include "thalweg/io/arrow_store.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "arrow/filesystem/filesystem.h"
#include "arrow/io/interfaces.h"
#include "fmt/format.h"
#include "thalweg/base/error.h"

namespace thalweg::io {
namespace {

constexpr size_t kCopyBytes = 4 << 20;

/// The library beside libarrow that knows S3; loaded on first use, since it starts threads.
arrow::Status LoadS3() {
  static std::once_flag once;
  static arrow::Status loaded;
  std::call_once(once, [] { loaded = arrow::fs::LoadFileSystemFactories("libarrow_s3.so.2600"); });
  return loaded;
}

arrow::Status Failed(const std::string& what, const std::string& key, const arrow::Status& why) {
  return Error(ErrorCode::kStorage, "{} the object {} failed: {}", what, key, why.message());
}

/// For the part of an address before the @, and for a parameter's value.
std::string Escaped(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                       byte == '-' || byte == '_' || byte == '.' || byte == '~';
    escaped += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return escaped;
}

/// The address with what the login says, in the way that Arrow takes it.
std::string WithLogin(std::string uri, const S3Login& login) {
  const auto add = [&uri](std::string_view name, const std::string& value) {
    if (value.empty()) return;
    uri += fmt::format("{}{}={}", uri.find('?') == std::string::npos ? '?' : '&', name, Escaped(value));
  };
  if (!login.access_key.empty()) {
    constexpr size_t kHead = std::string_view("s3://").size();
    uri.insert(kHead, fmt::format("{}:{}@", Escaped(login.access_key), Escaped(login.secret_key)));
  }
  add("region", login.region);
  if (const size_t colon = login.endpoint.find("://"); colon != std::string::npos) {
    add("scheme", login.endpoint.substr(0, colon));
    add("endpoint_override", login.endpoint.substr(colon + 3));
  } else {
    add("endpoint_override", login.endpoint);
  }
  return uri;
}

}  // namespace

ArrowStore::ArrowStore(std::shared_ptr<arrow::fs::FileSystem> fs, std::string root)
    : fs_(std::move(fs)), root_(std::move(root)) {
  const std::string type = fs_->type_name();
  has_folders_ = type != "s3" && type != "gcs" && type != "abfs";
}

ArrowStore::~ArrowStore() = default;

arrow::Result<std::unique_ptr<ArrowStore>> ArrowStore::Open(const std::string& uri, const S3Login& login) {
  const std::string scheme = uri.substr(0, uri.find(':'));
  const bool s3 = scheme == "s3";
  if (s3) ARROW_RETURN_NOT_OK(LoadS3());
  std::string root;
  auto fs = arrow::fs::FileSystemFromUri(s3 ? WithLogin(uri, login) : uri, &root);
  // What Arrow has to say may repeat the address, and with it a key.
  if (!fs.ok()) {
    return Error(
        ErrorCode::kInvalidConfig,
        "The {} address cannot be used; for S3 it is s3://bucket/folder, with s3.endpoint and s3.region (or region=… "
        "behind a question mark) where needed.",
        scheme);
  }
  while (!root.empty() && root.back() == '/') root.pop_back();
  return std::unique_ptr<ArrowStore>(new ArrowStore(std::move(*fs), std::move(root)));
}

template <typename Write>
arrow::Status ArrowStore::PutWith(const std::string& key, Write write) {
  if (has_folders_) {
    const arrow::Status made = fs_->CreateDir(ParentOf(PathOf(key)), /*recursive=*/true);
    if (!made.ok()) return Failed("Writing", key, made);
  }
  auto opened = fs_->OpenOutputStream(PathOf(key));
  if (!opened.ok()) return Failed("Writing", key, opened.status());
  const auto& out = *opened;
  arrow::Status status = write(*out);
  if (!status.ok()) {
    (void)out->Abort();  // an upload that was begun is no object
    return status;
  }
  status = out->Close();
  return status.ok() ? status : Failed("Writing", key, status);
}

arrow::Status ArrowStore::Put(const std::string& key, ByteView content) {
  return PutWith(key, [&](arrow::io::OutputStream& out) -> arrow::Status {
    const arrow::Status status = out.Write(content.data(), static_cast<int64_t>(content.size()));
    return status.ok() ? status : Failed("Writing", key, status);
  });
}

arrow::Status ArrowStore::PutFile(const std::string& key, File& file, uint64_t bytes,
                                  const std::function<bool()>& go_on) {
  return PutWith(key, [&](arrow::io::OutputStream& out) -> arrow::Status {
    Buffer buffer(std::min<uint64_t>(kCopyBytes, bytes));
    for (uint64_t done = 0; done < bytes;) {
      if (!go_on()) return arrow::Status::Cancelled(key, " is not wanted any more");
      const MutableByteView into(buffer.data(), std::min<uint64_t>(buffer.size(), bytes - done));
      ARROW_ASSIGN_OR_RAISE(const size_t got, file.ReadAt(done, into));
      if (got < into.size()) {
        return Error(ErrorCode::kStorage, "{} is shorter than the {} bytes that were to be copied.", file.path(),
                     bytes);
      }
      if (const arrow::Status status = out.Write(into.data(), static_cast<int64_t>(got)); !status.ok()) {
        return Failed("Writing", key, status);
      }
      done += got;
    }
    return arrow::Status::OK();
  });
}

arrow::Result<size_t> ArrowStore::ReadAt(const ObjectRef& object, uint64_t offset, MutableByteView into) {
  // With its size given, no request is spent on asking for it.
  arrow::fs::FileInfo info(PathOf(object.key), arrow::fs::FileType::File);
  info.set_size(static_cast<int64_t>(object.bytes));
  auto file = fs_->OpenInputFile(info);
  if (!file.ok()) return Failed("Reading", object.key, file.status());
  if (offset >= object.bytes) return 0;
  const auto want = static_cast<int64_t>(std::min<uint64_t>(into.size(), object.bytes - offset));
  const auto got = (*file)->ReadAt(static_cast<int64_t>(offset), want, into.data());
  if (!got.ok()) return Failed("Reading", object.key, got.status());
  return static_cast<size_t>(*got);
}

arrow::Result<std::vector<Entry>> ArrowStore::List(const std::string& folder) {
  arrow::fs::FileSelector select;
  select.base_dir = folder.empty() ? root_ : PathOf(folder);
  select.allow_not_found = true;
  auto found = fs_->GetFileInfo(select);
  if (!found.ok()) return Failed("Listing", folder, found.status());
  std::vector<Entry> entries;
  for (const auto& info : *found) {
    entries.push_back({.name = info.base_name(),
                       .is_directory = info.IsDirectory(),
                       .size = info.IsFile() ? static_cast<uint64_t>(info.size()) : 0});
  }
  std::ranges::sort(entries, {}, &Entry::name);
  return entries;
}

arrow::Status ArrowStore::Remove(const std::string& key) {
  const arrow::Status removed = fs_->DeleteFile(PathOf(key));
  if (removed.ok()) return removed;
  const auto info = fs_->GetFileInfo(PathOf(key));
  if (info.ok() && info->type() == arrow::fs::FileType::NotFound) return arrow::Status::OK();
  return Failed("Removing", key, removed);
}

arrow::Status ArrowStore::RemoveTree(const std::string& folder) {
  arrow::Status removed = fs_->DeleteDirContents(PathOf(folder), /*missing_dir_ok=*/true);
  if (!removed.ok()) return Failed("Removing", folder, removed);
  const auto info = fs_->GetFileInfo(PathOf(folder));
  if (info.ok() && info->type() == arrow::fs::FileType::NotFound) return arrow::Status::OK();
  removed = fs_->DeleteDir(PathOf(folder));
  return removed.ok() ? removed : Failed("Removing", folder, removed);
}

}  // namespace thalweg::io
