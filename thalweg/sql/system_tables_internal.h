#pragma once

#include <string>
#include <vector>

#include "thalweg/sql/row_source_internal.h"

namespace thalweg::sql {

/// The tables of the schema `thalweg`, in the order of names.
std::vector<std::string> SystemTableNames();
/// Null where there is none of that name.
RowSourcePtr MakeSystemTable(const SessionState& session, const std::string& name);

}  // namespace thalweg::sql
