#pragma once

#include "arrow/status.h"
#include "thalweg/app/serve_options.h"

namespace thalweg::app {

/// Runs a server until it is asked to end by a signal. An error where it could not start, or not end well.
arrow::Status Serve(const ServeOptions& options);

}  // namespace thalweg::app
