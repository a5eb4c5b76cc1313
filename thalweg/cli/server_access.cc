#include "thalweg/cli/server_access.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "fmt/format.h"
#include "thalweg/base/error.h"
#include "thalweg/io/file_system.h"
#include "thalweg/io/posix_file_system.h"
#include "thalweg/net/listener.h"

namespace thalweg::cli {
namespace {

constexpr uint16_t kFlussPort = 9123;
constexpr uint16_t kFlightPort = 9130;

/// Where the environment says that Flight is; else on this machine. The default ports go together, others cannot be guessed.
arrow::Result<std::string> FlightAddressOfEnvironment() {
  if (const char* flight = std::getenv("THALWEG_FLIGHT"); flight != nullptr && *flight != '\0') return flight;
  const char* server = std::getenv("THALWEG_SERVER");
  if (server == nullptr || *server == '\0') return fmt::format("127.0.0.1:{}", kFlightPort);
  auto address = net::Address::Parse(server);
  if (!address.ok()) return Error(ErrorCode::kInvalidConfig, "THALWEG_SERVER: {}", address.status().message());
  if (address->port != kFlussPort) {
    return Error(ErrorCode::kInvalidConfig,
                 "THALWEG_SERVER tells where Fluss clients connect ({}); say where Flight clients do, with --server "
                 "HOST:PORT or THALWEG_FLIGHT.",
                 server);
  }
  address->port = kFlightPort;
  return address->ToString();
}

}  // namespace

void ServerAccess::AddTo(CLI::App& command) {
  command.add_option("-s,--server", server, "The server (or THALWEG_SERVER; default 127.0.0.1:9123)")
      ->type_name("HOST:PORT")
      ->envname("THALWEG_SERVER")
      ->group("Connection");
  AddIdentityTo(command);
}

void ServerAccess::AddFlightTo(CLI::App& command) {
  server.clear();
  command.add_option("-s,--server", server, "The server's Flight address (or THALWEG_FLIGHT; default 127.0.0.1:9130)")
      ->type_name("HOST:PORT")
      ->group("Connection");
  AddIdentityTo(command);
}

void ServerAccess::AddIdentityTo(CLI::App& command) {
  command.add_option("--user", user, "Name to log in by; the password comes from THALWEG_PASSWORD or a file")
      ->envname("THALWEG_USER")
      ->group("Connection");
  command.add_option("--password-file", password_file, "File whose first line is the password")
      ->type_name("FILE")
      ->group("Connection");
  command.add_flag("--tls", tls, "Speak TLS, and believe the system's authorities")->group("Connection");
  command.add_option("--tls-ca", tls_ca, "Speak TLS, and believe the certificates of this file (PEM)")
      ->type_name("FILE")
      ->envname("THALWEG_TLS_CA")
      ->group("Connection");
}

arrow::Result<client::ConnectionOptions> ServerAccess::Options() const {
  client::ConnectionOptions options;
  auto address = net::Address::Parse(server);
  if (!address.ok()) return Error(ErrorCode::kInvalidConfig, "--server: {}", address.status().message());
  options.server = *address;
  options.user = user;
  io::PosixFileSystem fs;
  if (tls || !tls_ca.empty()) options.tls.emplace();
  if (!tls_ca.empty()) {
    ARROW_ASSIGN_OR_RAISE(options.tls->authorities, io::ReadFile(fs, tls_ca));
  }
  if (!password_file.empty()) {
    ARROW_ASSIGN_OR_RAISE(options.password, io::ReadFile(fs, password_file));
    options.password.resize(std::min(options.password.find('\n'), options.password.size()));
  } else if (const char* password = std::getenv("THALWEG_PASSWORD"); password != nullptr) {
    options.password = password;
  }
  if (!user.empty() && options.password.empty()) {
    return Error(ErrorCode::kInvalidConfig,
                 "--user {} needs a password: set THALWEG_PASSWORD, or name a file with --password-file.", user);
  }
  return options;
}

arrow::Result<client::ConnectionOptions> ServerAccess::FlightOptions() const {
  ServerAccess access = *this;
  if (access.server.empty()) {
    ARROW_ASSIGN_OR_RAISE(access.server, FlightAddressOfEnvironment());
  }
  if (const size_t scheme_end = access.server.find("://"); scheme_end != std::string::npos) {
    const std::string scheme = access.server.substr(0, scheme_end);
    if (scheme != "thalweg" && scheme != "thalweg+tls") {
      return Error(ErrorCode::kInvalidConfig, "--server: {}:// is no Flight address: write thalweg://HOST:{}.", scheme,
                   kFlightPort);
    }
    if (scheme == "thalweg+tls") access.tls = true;
    access.server.erase(0, scheme_end + 3);
    if (access.server.ends_with('/')) access.server.pop_back();
    if (const size_t at = access.server.rfind('@'); at != std::string::npos) {
      if (access.server.substr(0, at).find(':') != std::string::npos) {
        return Error(
            ErrorCode::kInvalidConfig,
            "--server: everybody on the machine sees a password that stands there: set THALWEG_PASSWORD, or name "
            "a file with --password-file.");
      }
      if (access.user.empty()) access.user = access.server.substr(0, at);
      access.server.erase(0, at + 1);
    }
  }
  const size_t colon = access.server.rfind(':');
  if (colon == std::string::npos || access.server.find(']', colon) != std::string::npos) {
    access.server += fmt::format(":{}", kFlightPort);
  }
  return access.Options();
}

arrow::Result<std::unique_ptr<client::Connection>> ServerAccess::Connect() const {
  ARROW_ASSIGN_OR_RAISE(auto options, Options());
  return client::Connection::Open(std::move(options));
}

arrow::Result<schema::TablePath> ParseTablePath(const std::string& text) {
  const size_t dot = text.find('.');
  schema::TablePath path = dot == std::string::npos ? schema::TablePath{kDefaultDatabase, text}
                                                    : schema::TablePath{text.substr(0, dot), text.substr(dot + 1)};
  const std::string database_problem = schema::NameProblem(path.database);
  const std::string table_problem = schema::NameProblem(path.table);
  if (!database_problem.empty() || !table_problem.empty()) {
    return Error(ErrorCode::kInvalidTable, "'{}' is not a table: write NAME, or DATABASE.NAME ({}).", text,
                 database_problem.empty() ? table_problem : database_problem);
  }
  return path;
}

}  // namespace thalweg::cli
