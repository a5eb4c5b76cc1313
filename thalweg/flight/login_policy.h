#pragma once

#include <memory>

#include "thalweg/security/plain_credentials.h"

namespace thalweg::flight {

/// Whom the door lets in.
struct LoginPolicy {
  /// Users and their passwords; null: there are none.
  std::shared_ptr<const security::PlainCredentials> credentials{};
  /// Whether one gets in without a password, as an anonymous user.
  bool anonymous = true;
};

}  // namespace thalweg::flight
