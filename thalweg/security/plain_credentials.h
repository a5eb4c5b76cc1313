#pragma once

#include <map>
#include <string>
#include <string_view>

#include "arrow/result.h"
#include "thalweg/security/principal.h"

namespace thalweg::security {

/// Users and their passwords, for SASL/PLAIN (RFC 4616). No message that it makes holds a password, or text that could
/// be one. Thread safety: const calls.
class PlainCredentials {
 public:
  /// From Fluss's notation of a JAAS entry:
  ///   org.apache.fluss.security.auth.sasl.plain.PlainLoginModule required user_NAME="PASSWORD" …;
  /// INVALID_CONFIG.
  static arrow::Result<PlainCredentials> FromJaas(std::string_view text);
  /// From "NAME:PASSWORD,NAME:PASSWORD". INVALID_CONFIG.
  static arrow::Result<PlainCredentials> FromPairs(std::string_view text);

  size_t count() const { return passwords_.size(); }

  /// Who is proven by a client's token: authorization id (empty, or the name) NUL name NUL password. AUTHENTICATE where
  /// the token is malformed, the user unknown or the password wrong; the last two cannot be told apart, nor by time.
  arrow::Result<Principal> Check(std::string_view token) const;

 private:
  std::map<std::string, std::string, std::less<>> passwords_;
};

}  // namespace thalweg::security
