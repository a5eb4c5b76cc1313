#pragma once

#include <string>

namespace thalweg::app {

/// docs/options.md: every option of thalweg.yaml, in Markdown. `thalweg serve --list-options` prints it, and a test holds
/// the file against it.
std::string ConfigPage();

}  // namespace thalweg::app
