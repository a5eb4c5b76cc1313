#pragma once

#include "thalweg/runtime/metrics.h"
#include "thalweg/tablet/engine.h"

namespace thalweg::app {

/// What the storage has done and where it stands, read from `engine` whenever metrics are asked for. `engine` outlives
/// `metrics`' readers. `synced`: whether acknowledged means on disk.
void AddEngineMetrics(const tablet::Engine& engine, bool synced, runtime::Metrics& metrics);

}  // namespace thalweg::app
