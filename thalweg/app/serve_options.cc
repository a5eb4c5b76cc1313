#include "thalweg/app/serve_options.h"

#include <yaml-cpp/yaml.h>

#include <set>

#include "thalweg/app/config_option.h"
#include "thalweg/base/error.h"
#include "thalweg/base/nearest_name.h"

namespace thalweg::app {
namespace {

arrow::Status UnknownOption(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& known : ConfigOptions()) names.emplace_back(known.name);
  for (const auto& group : IgnoredConfigOptions()) names.insert(names.end(), group.names.begin(), group.names.end());
  const auto nearest = NearestName(name, names);
  return Error(ErrorCode::kInvalidConfig, "\"{}\" is not an option of this version{}", name,
               nearest.empty() ? "." : fmt::format("; did you mean \"{}\"?", nearest));
}

/// By its name: passwords, keys, tokens, and whatever else is about security.
bool MayBeSecret(const std::string& name) {
  for (const char* word : {"security.", "password", "secret", "credential", "jaas", "token", "key"}) {
    if (name.find(word) != std::string::npos) return true;
  }
  return false;
}

arrow::Status ApplyOne(const std::string& name, const std::string& value, ServeOptions& options) {
  if (!MayBeSecret(name)) options.configuration[name] = value;
  if (const auto* option = FindConfigOption(name)) {
    const arrow::Status applied = option->apply(name, value, options);
    return applied.ok() ? applied : Error(CodeOf(applied), "{}: {}", name, applied.message());
  }
  const auto* ignored = FindIgnoredConfigOption(name);
  if (!ignored) return UnknownOption(name);
  options.warnings.push_back(fmt::format("{} has no effect here: {}.", name, ignored->because));
  return arrow::Status::OK();
}

}  // namespace

arrow::Status ApplyConfig(const std::string& text, ServeOptions& options) {
  try {
    const YAML::Node root = YAML::Load(text);
    if (root.IsNull()) return arrow::Status::OK();
    if (!root.IsMap()) return Error(ErrorCode::kInvalidConfig, "A configuration is lines of \"name: value\".");
    std::set<std::string> seen;
    for (const auto& entry : root) {
      const auto name = entry.first.as<std::string>();
      if (!seen.insert(name).second) return Error(ErrorCode::kInvalidConfig, "{} is given twice.", name);
      if (!entry.second.IsScalar()) return Error(ErrorCode::kInvalidConfig, "{} needs one value.", name);
      ARROW_RETURN_NOT_OK(ApplyOne(name, entry.second.as<std::string>(), options));
    }
  } catch (const YAML::Exception& e) {
    return Error(ErrorCode::kInvalidConfig, "The configuration cannot be read: {}", e.what());
  }
  return arrow::Status::OK();
}

arrow::Status FinishOptions(const std::string& listen, ServeOptions& options) {
  ARROW_ASSIGN_OR_RAISE(options.listeners, MakeListeners(options.listener_settings, listen));
  ARROW_ASSIGN_OR_RAISE(options.flight_logins, MakeFlightLogins(options.listener_settings, options.listeners));
  ARROW_RETURN_NOT_OK(options.tls.Check(options.listeners));
  if (!options.authorizer_enabled && !options.policy.deny.empty()) {
    return Error(ErrorCode::kInvalidConfig, "thalweg.security.deny needs authorizer.enabled: true.");
  }
  if (!options.authorizer_enabled && !options.policy.super_users.empty()) {
    options.warnings.push_back(
        "super.users has no effect: authorizer.enabled is not true, everybody may do everything.");
  }
  if (options.authorizer_enabled && options.policy.super_users.empty()) {
    options.warnings.push_back("authorizer.enabled is true and super.users empty: nobody can grant the first right.");
  }
  return arrow::Status::OK();
}

}  // namespace thalweg::app
