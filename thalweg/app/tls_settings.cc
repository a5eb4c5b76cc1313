#include "thalweg/app/tls_settings.h"

#include <algorithm>

#include "thalweg/base/error.h"

namespace thalweg::app {
namespace {

arrow::Result<std::string> ReadPem(io::FileSystem& fs, const char* option, const std::string& path) {
  auto text = io::ReadFile(fs, path);
  if (text.ok()) return text;
  return Error(ErrorCode::kInvalidConfig, "{}: {}", option, text.status().message());
}

}  // namespace

arrow::Status TlsSettings::Check(const std::vector<ListenerOptions>& all) const {
  if (certificate_file.empty() != key_file.empty()) {
    return Error(ErrorCode::kInvalidConfig, "thalweg.tls.certificate and thalweg.tls.key belong together: give both.");
  }
  if (listeners_given && !enabled()) {
    return Error(ErrorCode::kInvalidConfig, "thalweg.tls.listeners needs thalweg.tls.certificate and thalweg.tls.key.");
  }
  for (const auto& name : listeners) {
    if (name == kFlightListener || name == kHttpListener) continue;
    // A listener that was meant to be safe, and is not.
    if (std::ranges::find(all, name, &ListenerOptions::name) == all.end()) {
      return Error(ErrorCode::kInvalidConfig, "thalweg.tls.listeners: no listener is called {}.", name);
    }
  }
  return arrow::Status::OK();
}

arrow::Result<net::TlsIdentity> TlsSettings::Read(io::FileSystem& fs) const {
  net::TlsIdentity identity;
  ARROW_ASSIGN_OR_RAISE(identity.certificate, ReadPem(fs, "thalweg.tls.certificate", certificate_file));
  ARROW_ASSIGN_OR_RAISE(identity.key, ReadPem(fs, "thalweg.tls.key", key_file));
  return identity;
}

}  // namespace thalweg::app
