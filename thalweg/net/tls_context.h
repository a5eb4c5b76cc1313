#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/net/stream.h"
#include "thalweg/runtime/executor.h"

struct ssl_ctx_st;

namespace thalweg::net {

/// A certificate with its key, as PEM texts.
struct TlsIdentity {
  std::string certificate;  ///< the server's own first, then those that vouch for it
  std::string key;          ///< never logged
  bool operator==(const TlsIdentity&) const = default;
};

/// What a server proves with who it is. TLS 1.2 and later.
/// Thread safety: all of it.
class TlsServerContext {
 public:
  /// INVALID_CONFIG where certificate or key cannot be read, or do not belong together.
  static arrow::Result<std::unique_ptr<TlsServerContext>> Make(const TlsIdentity& identity);

  /// For connections from now on; those that are open keep what they have. Nothing changes where it fails, as Make does.
  arrow::Status Replace(const TlsIdentity& identity);

  /// The server's end of a connection that has just been accepted. Called on the stream's executor.
  std::unique_ptr<Stream> Wrap(std::unique_ptr<Stream> stream) const;

 private:
  TlsServerContext() = default;

  mutable std::mutex mutex_;
  std::shared_ptr<ssl_ctx_st> context_;
};

/// What a client believes.
struct TlsClientOptions {
  std::string authorities;  ///< certificates, PEM, one of which vouches for the server; empty: those of the system
  std::string server_name;  ///< that the server's certificate must be for: a host name or an address
};

/// The client's end of a connection that has just been opened. Called on the stream's executor. INVALID_CONFIG where the authorities
/// cannot be read. Whether the server is who it should be shows with the first read or write.
arrow::Result<std::unique_ptr<Stream>> WrapTlsClient(std::unique_ptr<Stream> stream, const TlsClientOptions& options);

}  // namespace thalweg::net
