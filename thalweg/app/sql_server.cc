#include "thalweg/app/sql_server.h"

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "thalweg/flight/sql_client.h"
#include "thalweg/io/file_system.h"
#include "thalweg/io/posix_file_system.h"

namespace thalweg::app {
namespace {

/// The certificates that this system believes, PEM. gRPC has its own, of when it was built, and no way to OpenSSL's. Empty: they
/// are nowhere that we know of.
std::string SystemAuthorities() {
  io::PosixFileSystem fs;
  const char* told = std::getenv("SSL_CERT_FILE");
  for (const char* place :
       {told, "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"}) {
    if (place == nullptr || *place == '\0') continue;
    if (auto found = io::ReadFile(fs, place); found.ok()) return *std::move(found);
  }
  return "";
}

}  // namespace

arrow::Result<std::unique_ptr<sql::Connection>> OpenSqlServer(const client::ConnectionOptions& server,
                                                              const std::string& database, int64_t time_ms_max) {
  // What it logs on standard error, the error says as well.
  setenv("GRPC_VERBOSITY", "NONE", 0);
  flight::SqlClientOptions options{.server = server.server,
                                   .user = server.user,
                                   .password = server.password,
                                   .authorities = std::nullopt,
                                   .database = database,
                                   .time_ms_max = time_ms_max};
  if (server.tls) options.authorities = server.tls->authorities.empty() ? SystemAuthorities() : server.tls->authorities;
  return flight::SqlClient::Open(std::move(options));
}

}  // namespace thalweg::app
