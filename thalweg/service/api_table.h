#pragma once

#include <cstdint>
#include <span>

#include "thalweg/service/access_checks.h"
#include "thalweg/service/call.h"
#include "thalweg/wire/api_key.h"

namespace thalweg::service {

/// An API that this server implements: what API_VERSIONS tells clients is this table, so a key that is not here is never
/// sent by a well-behaved client, and answered UNSUPPORTED_VERSION.
struct Api {
  wire::ApiKey key;
  int16_t version_min = 0;
  int16_t version_max = 0;
  Handler handler = nullptr;
  AccessCheck access = nullptr;  ///< runs before the handler
};

/// In ascending order of key.
std::span<const Api> ApiTable();

/// Null where the key is not implemented.
const Api* FindApi(wire::ApiKey key);

}  // namespace thalweg::service
