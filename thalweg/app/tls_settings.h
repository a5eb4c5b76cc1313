#pragma once

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/app/listener_options.h"
#include "thalweg/io/file_system.h"
#include "thalweg/net/tls_context.h"

namespace thalweg::app {

/// The name of the HTTP listener in thalweg.tls.listeners.
inline constexpr const char* kHttpListener = "HTTP";

/// What the options about TLS say.
struct TlsSettings {
  std::string certificate_file;
  std::string key_file;
  std::set<std::string> listeners{kFlightListener, kHttpListener};
  bool listeners_given = false;
  std::chrono::milliseconds reload_interval = std::chrono::seconds(10);

  bool enabled() const { return !certificate_file.empty(); }
  /// Whether the listener of that name speaks TLS.
  bool IsFor(const std::string& listener) const { return enabled() && listeners.contains(listener); }
  /// INVALID_CONFIG where something is missing, or a listener is named that is none of `all`.
  arrow::Status Check(const std::vector<ListenerOptions>& all) const;
  /// The files as they are now. INVALID_CONFIG, naming the file.
  arrow::Result<net::TlsIdentity> Read(io::FileSystem& fs) const;
};

}  // namespace thalweg::app
