#pragma once

#include <optional>

#include "thalweg/format/predicate.h"

namespace thalweg::pb {
class PbPredicate;
}

namespace thalweg::service {

/// What a client wants of rows. None where the message holds anything that we do not know: nothing is filtered then.
std::optional<format::Predicate> PredicateOf(const pb::PbPredicate& message);

}  // namespace thalweg::service
