#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/status.h"
#include "thalweg/app/serve_options.h"

namespace thalweg::app {

/// An option of thalweg.yaml that this server acts on. To add one, add a line to the table in config_options.cc, then
/// write docs/options.md anew: `thalweg serve --list-options > docs/options.md`. Names of Fluss's keep their meaning.
struct ConfigOption {
  std::string_view name;          ///< a "*" in it stands for any text
  std::string_view default_text;  ///< as the page shows it; empty: none
  std::string_view does;          ///< as the page shows it, Markdown
  /// Reads one value into `options`. Its errors are INVALID_CONFIG and do not name the option; nor do they quote a value
  /// that may be secret.
  arrow::Status (*apply)(const std::string& name, const std::string& value, ServeOptions& options);
};

/// Options of Fluss's servers that have nothing to act on here: accepted with a warning, so that a server.yaml can be
/// carried over. A name that ends in "*" stands for all that begin so.
struct IgnoredOptions {
  std::string_view because;  ///< completes "has no effect here: "
  std::vector<std::string_view> names;
};

/// In the order of the page.
std::span<const ConfigOption> ConfigOptions();
std::span<const IgnoredOptions> IgnoredConfigOptions();

/// Null where nothing is known by that name.
const ConfigOption* FindConfigOption(std::string_view name);
const IgnoredOptions* FindIgnoredConfigOption(std::string_view name);

}  // namespace thalweg::app
