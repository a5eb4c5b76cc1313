#include "thalweg/sql/system_tables_internal.h"

namespace thalweg::sql {

std::vector<std::string> SystemTableNames() { return {}; }

RowSourcePtr MakeSystemTable(const SessionState& session, const std::string& name) { return nullptr; }

}  // namespace thalweg::sql
