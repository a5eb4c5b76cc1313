#pragma once

#include <span>
#include <string>
#include <string_view>

namespace thalweg {

/// The candidate that is the fewest typing errors away from `name` (Levenshtein distance); empty where all are too far to
/// be meant.
std::string_view NearestName(std::string_view name, std::span<const std::string> candidates);

}  // namespace thalweg
