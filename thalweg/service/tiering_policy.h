#pragma once

#include <optional>

#include "thalweg/base/ids.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/tablet/tiering.h"

namespace thalweg::service {

/// What the table of `bucket` says about its remote segments. None where it is gone, or its options cannot be read.
std::optional<tablet::TieringPolicy> TieringPolicyOf(const catalog::Catalog& catalog, const TableBucket& bucket);

}  // namespace thalweg::service
