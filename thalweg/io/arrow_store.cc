#include "thalweg/io/arrow_store.h"

#include <algorithm>
#include <any>
#include <mutex>
#include <utility>
#include <vector>

#include "arrow/buffer.h"
#include "arrow/filesystem/filesystem.h"
#include "arrow/filesystem/s3fs.h"
#include "arrow/io/interfaces.h"
#include "fmt/format.h"
#include "thalweg/base/error.h"

namespace thalweg::io {
namespace {

constexpr size_t kCopyBytes = 4 << 20;
constexpr int64_t kRetryDelayMs = 200;       // before the second attempt; twice as long before each further one
constexpr int64_t kRetryDelayMsMax = 2'000;  // an attempt that is slept through cannot be called off

/// The library beside libarrow that knows S3; loaded on first use, since it starts threads.
arrow::Status LoadS3() {
  static std::once_flag once;
  static arrow::Status loaded;
  std::call_once(once, [] { loaded = arrow::fs::LoadFileSystemFactories("libarrow_s3.so.2600"); });
  return loaded;
}

arrow::Status Failed(const std::string& what, const std::string& key, const arrow::Status& why) {
  if (why.IsCancelled()) return why;
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

/// The address with what the login says but for the keys, in the way that Arrow takes it.
std::string WithLogin(std::string uri, const S3Login& login) {
  const auto add = [&uri](std::string_view name, const std::string& value) {
    if (value.empty() || uri.find(fmt::format("{}=", name)) != std::string::npos) return;
    uri += fmt::format("{}{}={}", uri.find('?') == std::string::npos ? '?' : '&', name, Escaped(value));
  };
  add("region", login.region);
  if (const size_t colon = login.endpoint.find("://"); colon != std::string::npos) {
    add("scheme", login.endpoint.substr(0, colon));
    add("endpoint_override", login.endpoint.substr(colon + 3));
  } else {
    add("endpoint_override", login.endpoint);
  }
  add("allow_delayed_open", "true");  // a small object takes one request instead of three
  return uri;
}

/// A few attempts, and one once the store is to stop. Arrow's own way makes 31 of them, which is over a minute and a half of a
/// store that does not answer.
class FewRetries final : public arrow::fs::S3RetryStrategy {
 public:
  explicit FewRetries(std::shared_ptr<const std::atomic<bool>> stopping) : stopping_(std::move(stopping)) {}

  bool ShouldRetry(const AWSErrorDetail& error, int64_t attempted_retries) override {
    return error.should_retry && attempted_retries + 1 < ArrowStore::kAttemptsMax && !*stopping_;
  }
  int64_t CalculateDelayBeforeNextRetry(const AWSErrorDetail& /*error*/, int64_t attempted_retries) override {
    return std::min(kRetryDelayMs << std::min<int64_t>(attempted_retries, 8), kRetryDelayMsMax);
  }

 private:
  const std::shared_ptr<const std::atomic<bool>> stopping_;
};

}  // namespace

ArrowStore::ArrowStore(std::shared_ptr<arrow::fs::FileSystem> fs, std::string root, Flag stopping)
    : fs_(std::move(fs)), root_(std::move(root)), stopping_(std::move(stopping)) {
  const std::string type = fs_->type_name();
  has_folders_ = type != "s3" && type != "gcs" && type != "abfs";
}

ArrowStore::~ArrowStore() = default;

arrow::Result<std::unique_ptr<ArrowStore>> ArrowStore::Open(const std::string& uri, const S3Login& login) {
  const std::string scheme = uri.substr(0, uri.find(':'));
  const bool s3 = scheme == "s3";
  if (s3) ARROW_RETURN_NOT_OK(LoadS3());
  std::string root;
  const auto stopping = std::make_shared<std::atomic<bool>>(false);
  arrow::fs::FileSystemFactoryOptions options;
  if (s3) {
    options.emplace_back("retry_strategy", std::shared_ptr<arrow::fs::S3RetryStrategy>(new FewRetries(stopping)));
    if (!login.access_key.empty()) {
      options.emplace_back("access_key", login.access_key);
      options.emplace_back("secret_key", login.secret_key);
    }
  }
  auto fs = s3 ? arrow::fs::FileSystemFromUriAndOptions(WithLogin(uri, login), options, &root)
               : arrow::fs::FileSystemFromUri(uri, &root);
  // What Arrow has to say may repeat the address, and with it a key.
  if (!fs.ok()) {
    return Error(
        ErrorCode::kInvalidConfig,
        "The {} address cannot be used; for S3 it is s3://bucket/folder, with s3.endpoint and s3.region (or region=… "
        "behind a question mark) where needed.",
        scheme);
  }
  while (!root.empty() && root.back() == '/') root.pop_back();
  return std::unique_ptr<ArrowStore>(new ArrowStore(std::move(*fs), std::move(root), stopping));
}

template <typename Fn>
auto ArrowStore::Run(Fn call) -> decltype(call()) {
  auto result = calls_.Run(std::move(call));
  if (!result) return arrow::Status::Cancelled("The server is stopping, and its remote storage has not answered.");
  return std::move(*result);
}

void ArrowStore::BeginStop() {
  *stopping_ = true;
  calls_.BeginStop();
}

/// An object on its way. One that is not finished is called off: to let go of it would complete it.
class ArrowStore::Upload {
 public:
  Upload(ArrowStore& store, const std::string& key) : store_(store), key_(key) {}
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;
  ~Upload() {
    if (!out_ || finished_) return;
    const arrow::Status aborted = store_.Run([out = out_] { return out->Abort(); });
    if (!aborted.ok()) Abandon(std::move(out_));
  }

  arrow::Status Begin() {
    auto opened =
        store_.Run([fs = store_.fs_, path = store_.PathOf(key_),
                    has_folders = store_.has_folders_]() -> arrow::Result<std::shared_ptr<arrow::io::OutputStream>> {
          if (has_folders) ARROW_RETURN_NOT_OK(fs->CreateDir(ParentOf(path), /*recursive=*/true));
          return fs->OpenOutputStream(path);
        });
    if (!opened.ok()) return Failed("Writing", key_, opened.status());
    out_ = std::move(*opened);
    return arrow::Status::OK();
  }
  arrow::Status Write(const Bytes& piece) {
    return Named(store_.Run([out = out_, piece] {
      arrow::Status status = out->Write(piece.data(), static_cast<int64_t>(piece.size()));
      // Else what the store is too slow for would gather in memory.
      return status.ok() ? out->Flush() : status;
    }));
  }
  arrow::Status Finish() {
    const arrow::Status closed = store_.Run([out = out_] { return out->Close(); });
    finished_ = closed.ok();
    return Named(closed);
  }

 private:
  arrow::Status Named(const arrow::Status& status) const {
    return status.ok() ? status : Failed("Writing", key_, status);
  }
  static void Abandon(std::shared_ptr<arrow::io::OutputStream> out) {
    static std::mutex mutex;
    static auto* const abandoned = new std::vector<std::shared_ptr<arrow::io::OutputStream>>();
    std::lock_guard lock(mutex);
    abandoned->push_back(std::move(out));
  }

  ArrowStore& store_;
  const std::string& key_;
  std::shared_ptr<arrow::io::OutputStream> out_;
  bool finished_ = false;
};

arrow::Status ArrowStore::Put(const std::string& key, ByteView content) {
  Upload upload(*this, key);
  ARROW_RETURN_NOT_OK(upload.Begin());
  ARROW_RETURN_NOT_OK(upload.Write(Bytes::Copy(content)));
  return upload.Finish();
}

arrow::Status ArrowStore::PutFile(const std::string& key, File& file, uint64_t bytes,
                                  const std::function<bool()>& go_on) {
  Upload upload(*this, key);
  ARROW_RETURN_NOT_OK(upload.Begin());
  for (uint64_t done = 0; done < bytes;) {
    if (!go_on()) return arrow::Status::Cancelled(key, " is not wanted any more");
    auto piece = std::make_shared<Buffer>(std::min<uint64_t>(kCopyBytes, bytes - done));
    ARROW_ASSIGN_OR_RAISE(const size_t got, file.ReadAt(done, piece->view()));
    if (got < piece->size()) {
      return Error(ErrorCode::kStorage, "{} is shorter than the {} bytes that were to be copied.", file.path(), bytes);
    }
    ARROW_RETURN_NOT_OK(upload.Write(Bytes(std::shared_ptr<const Buffer>(std::move(piece)))));
    done += got;
  }
  return upload.Finish();
}

arrow::Result<size_t> ArrowStore::ReadAt(const ObjectRef& object, uint64_t offset, MutableByteView into) {
  const uint64_t left = object.bytes - std::min(offset, object.bytes);
  const auto read =
      Run([fs = fs_, path = PathOf(object.key), bytes = object.bytes, offset,
           want = std::min<uint64_t>(into.size(), left)]() -> arrow::Result<std::shared_ptr<arrow::Buffer>> {
        // With its size given, no request is spent on asking for it.
        arrow::fs::FileInfo info(path, arrow::fs::FileType::File);
        info.set_size(static_cast<int64_t>(bytes));
        ARROW_ASSIGN_OR_RAISE(const auto file, fs->OpenInputFile(info));
        return file->ReadAt(static_cast<int64_t>(offset), static_cast<int64_t>(want));
      });
  if (!read.ok()) return Failed("Reading", object.key, read.status());
  std::ranges::copy(ByteView((*read)->data(), static_cast<size_t>((*read)->size())), into.begin());
  return static_cast<size_t>((*read)->size());
}

arrow::Result<std::vector<Entry>> ArrowStore::List(const std::string& folder) {
  arrow::fs::FileSelector select;
  select.base_dir = folder.empty() ? root_ : PathOf(folder);
  select.allow_not_found = true;
  const auto found = Run([fs = fs_, select] { return fs->GetFileInfo(select); });
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
  const arrow::Status removed = Run([fs = fs_, path = PathOf(key), stopping = stopping_] {
    const arrow::Status status = fs->DeleteFile(path);
    if (status.ok() || *stopping) return status;
    const auto info = fs->GetFileInfo(path);
    return info.ok() && info->type() == arrow::fs::FileType::NotFound ? arrow::Status::OK() : status;
  });
  return removed.ok() ? removed : Failed("Removing", key, removed);
}

arrow::Status ArrowStore::RemoveTree(const std::string& folder) {
  const arrow::Status removed = Run([fs = fs_, path = PathOf(folder)]() -> arrow::Status {
    ARROW_RETURN_NOT_OK(fs->DeleteDirContents(path, /*missing_dir_ok=*/true));
    const auto info = fs->GetFileInfo(path);
    if (info.ok() && info->type() == arrow::fs::FileType::NotFound) return arrow::Status::OK();
    return fs->DeleteDir(path);
  });
  return removed.ok() ? removed : Failed("Removing", folder, removed);
}

}  // namespace thalweg::io
