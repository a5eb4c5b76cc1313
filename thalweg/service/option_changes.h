#pragma once

#include <vector>

#include "thalweg/schema/schema_change.h"

namespace thalweg::service {

/// What a request's PbAlterConfigs want: of a table, a database or the cluster.
template <typename Configs>
std::vector<schema::OptionChange> OptionChangesOf(const Configs& configs) {
  std::vector<schema::OptionChange> changes;
  for (const auto& config : configs) {
    schema::OptionChange change{.key = config.config_key(), .operation = config.op_type()};
    if (config.has_config_value()) change.value = config.config_value();
    changes.push_back(std::move(change));
  }
  return changes;
}

}  // namespace thalweg::service
