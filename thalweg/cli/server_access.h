#pragma once

#include <memory>
#include <string>

#include "arrow/result.h"
#include "thalweg/client/connection.h"
#include "thalweg/schema/table_path.h"

namespace CLI {
class App;
}

namespace thalweg::cli {

/// How a command reaches the server: options that several commands have.
struct ServerAccess {
  std::string server = "127.0.0.1:9123";
  std::string user;
  std::string password_file;
  bool tls = false;
  std::string tls_ca;  ///< file

  void AddTo(CLI::App& command);
  /// For a command that speaks Arrow Flight: `server` is then as the user has given it, or empty.
  void AddFlightTo(CLI::App& command);
  /// INVALID_CONFIG where an option makes no sense. The password comes from the file, or from THALWEG_PASSWORD: arguments are
  /// seen by everybody on the machine.
  arrow::Result<client::ConnectionOptions> Options() const;
  /// After AddFlightTo: the same for the Flight address, which may be written thalweg://NAME@HOST:PORT or thalweg+tls://… .
  arrow::Result<client::ConnectionOptions> FlightOptions() const;
  /// As Options, then as client::Connection::Open.
  arrow::Result<std::unique_ptr<client::Connection>> Connect() const;

 private:
  void AddIdentityTo(CLI::App& command);
};

/// "orders" of the default database, or "shop.orders". INVALID_TABLE where it is neither.
arrow::Result<schema::TablePath> ParseTablePath(const std::string& text);

inline constexpr const char* kDefaultDatabase = "fluss";

}  // namespace thalweg::cli
