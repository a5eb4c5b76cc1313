#pragma once

#include <string>

#include "arrow/status.h"
#include "thalweg/query/session.h"
#include "thalweg/sql/definition.h"

namespace thalweg::sql {

/// Does what a definition says; durable on return. Of CREATE TABLE … AS the columns must have been filled in. Blocks.
arrow::Status RunDefinition(const query::Session& session, const std::string& current_database,
                            const Definition& definition);

}  // namespace thalweg::sql
