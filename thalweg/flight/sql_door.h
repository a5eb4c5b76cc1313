#pragma once

#include "thalweg/flight/prepared_statements.h"
#include "thalweg/flight/running_queries.h"
#include "thalweg/flight/sql_sessions.h"

namespace thalweg::flight {

/// What Flight SQL keeps between calls.
struct SqlDoor {
  SqlDoor(sql::Engine& engine, const runtime::Clock& clock) : sessions(engine, clock) {}

  SqlSessions sessions;
  PreparedStatements prepared{};
  RunningQueries running{};
};

}  // namespace thalweg::flight
