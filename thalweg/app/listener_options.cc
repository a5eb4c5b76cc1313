#include "thalweg/app/listener_options.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "fmt/ranges.h"
#include "thalweg/app/config_values.h"
#include "thalweg/base/error.h"

namespace thalweg::app {
namespace {

constexpr std::string_view kNameEnd = "://";

arrow::Result<ListenerOptions> ParseListener(const std::string& text) {
  const size_t colon = text.find(kNameEnd);
  if (colon == std::string::npos || colon == 0) {
    return Error(ErrorCode::kInvalidConfig,
                 "\"{}\" is not a listener: write NAME://host:port, such as CLIENT://0.0.0.0:9123.", text);
  }
  ListenerOptions listener{.name = text.substr(0, colon)};
  ARROW_ASSIGN_OR_RAISE(listener.bind, net::Address::Parse(text.substr(colon + kNameEnd.size())));
  return listener;
}

bool HasName(const std::vector<ListenerOptions>& listeners, const std::string& name) {
  return std::ranges::find(listeners, name, &ListenerOptions::name) != listeners.end();
}

std::string NamesOf(const std::vector<ListenerOptions>& listeners) {
  std::vector<std::string> names;
  names.reserve(listeners.size());
  for (const auto& listener : listeners) names.push_back(listener.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

/// What --listen makes of the listeners of the configuration.
arrow::Result<std::vector<ListenerOptions>> Moved(std::vector<ListenerOptions> listeners, bool is_configured,
                                                  const std::string& listen) {
  if (listen.find(kNameEnd) != std::string::npos) {
    ARROW_ASSIGN_OR_RAISE(auto named, ParseListeners(listen));
    for (const auto& listener : named) {
      if (is_configured && !HasName(listeners, listener.name)) {
        return Error(ErrorCode::kInvalidConfig, "the configuration has no listener {}; there is {}.", listener.name,
                     NamesOf(listeners));
      }
    }
    return named;
  }
  // Nameless, it could take the place of one that asks for a password.
  if (listeners.size() > 1) {
    return Error(ErrorCode::kInvalidConfig,
                 "the configuration has the listeners {}: name the ones that you want instead, such as {}://{}.",
                 NamesOf(listeners), listeners.front().name, listen);
  }
  ARROW_ASSIGN_OR_RAISE(listeners.front().bind, net::Address::Parse(listen));
  return listeners;
}

std::string Lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// Gives the listeners that ask for SASL the users that they let in. A listener that the configuration names, and --listen
/// leaves out, needs none; any other name is a mistake that could leave a listener open.
arrow::Status AddCredentials(const ListenerSettings& settings, std::vector<ListenerOptions>& listeners) {
  for (const auto& [name, sasl] : settings.sasl) {
    const auto listener = std::ranges::find(listeners, name, &ListenerOptions::name);
    if (listener == listeners.end()) {
      if (name == kFlightListener || HasName(settings.bind, name)) continue;
      return Error(ErrorCode::kInvalidConfig, "security.protocol.map: no listener is called {}; there is {}.", name,
                   NamesOf(listeners));
    }
    if (!sasl) continue;
    if (!settings.plain_enabled) {
      return Error(ErrorCode::kInvalidConfig,
                   "listener {} asks for SASL: set security.sasl.enabled.mechanisms to PLAIN, the only one there is.",
                   name);
    }
    const auto own = settings.credentials_of.find(Lower(name));
    listener->credentials = own == settings.credentials_of.end() ? settings.credentials : own->second;
    if (!listener->credentials) {
      return Error(ErrorCode::kInvalidConfig,
                   "listener {} asks for SASL, but nobody could log in: set security.sasl.plain.jaas.config.", name);
    }
  }
  for (const auto& [name, credentials] : settings.credentials_of) {
    const auto is_it = [&](const ListenerOptions& listener) { return Lower(listener.name) == name; };
    if (name == Lower(kFlightListener)) continue;
    if (std::ranges::none_of(listeners, is_it) && std::ranges::none_of(settings.bind, is_it)) {
      return Error(ErrorCode::kInvalidConfig,
                   "security.sasl.listener.name.{}.plain.jaas.config: there is no such listener.", name);
    }
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<std::map<std::string, bool>> ParseProtocols(const std::string& text) {
  std::map<std::string, bool> protocols;
  for (const auto& part : SplitList(text, ',')) {
    const auto pair = SplitList(part, ':');
    const std::string protocol = pair.size() == 2 ? Lower(pair[1]) : "";
    if (protocol != "sasl" && protocol != "plaintext") {
      return Error(ErrorCode::kInvalidConfig, "\"{}\" is not NAME:SASL or NAME:PLAINTEXT, with the name of a listener.",
                   part);
    }
    if (!protocols.emplace(pair[0], protocol == "sasl").second) {
      return Error(ErrorCode::kInvalidConfig, "listener {} is given twice.", pair[0]);
    }
  }
  return protocols;
}

arrow::Result<bool> ParseMechanisms(const std::string& text) {
  bool plain = false;
  for (const auto& mechanism : SplitList(text, ',')) {
    if (Lower(mechanism) != "plain") {
      return Error(ErrorCode::kInvalidConfig, "\"{}\" is no mechanism of this version: there is PLAIN.", mechanism);
    }
    plain = true;
  }
  return plain;
}

arrow::Result<std::vector<ListenerOptions>> ParseListeners(const std::string& text) {
  std::vector<ListenerOptions> listeners;
  for (const auto& part : SplitList(text, ',')) {
    ARROW_ASSIGN_OR_RAISE(auto listener, ParseListener(part));
    if (HasName(listeners, listener.name)) {
      return Error(ErrorCode::kInvalidConfig, "two listeners are called {}.", listener.name);
    }
    if (listener.name == kFlightListener) {
      return Error(ErrorCode::kInvalidConfig,
                   "the name {} is that of Arrow Flight's listener, which thalweg.flight.listener moves: take another.",
                   kFlightListener);
    }
    listeners.push_back(std::move(listener));
  }
  if (listeners.empty()) {
    return Error(ErrorCode::kInvalidConfig,
                 "no listener is named: write NAME://host:port, such as CLIENT://0.0.0.0:9123.");
  }
  return listeners;
}

arrow::Result<std::vector<ListenerOptions>> MakeListeners(const ListenerSettings& settings, const std::string& listen) {
  std::vector<ListenerOptions> listeners = settings.bind;
  if (listeners.empty()) listeners.emplace_back();
  if (!listen.empty()) {
    auto moved = Moved(std::move(listeners), !settings.bind.empty(), listen);
    if (!moved.ok()) return Error(ErrorCode::kInvalidConfig, "--listen: {}", moved.status().message());
    listeners = std::move(*moved);
  }
  for (auto one = listeners.begin(); one != listeners.end(); ++one) {
    const auto same_port = [&](const ListenerOptions& other) {
      return one->bind.port != 0 && other.bind.port == one->bind.port;
    };
    if (std::find_if(one + 1, listeners.end(), same_port) != listeners.end()) {
      return Error(ErrorCode::kInvalidConfig, "bind.listeners: two listeners have port {}.", one->bind.port);
    }
  }
  for (const auto& told : settings.advertised) {
    const auto listener = std::ranges::find(listeners, told.name, &ListenerOptions::name);
    if (listener != listeners.end()) {
      if (told.bind.port == 0) {
        return Error(ErrorCode::kInvalidConfig, "advertised.listeners: {} has port 0, where nobody can connect.",
                     told.name);
      }
      listener->advertised = told.bind;
    } else if (!HasName(settings.bind, told.name)) {
      return Error(ErrorCode::kInvalidConfig, "advertised.listeners: no listener is called {}; there is {}.", told.name,
                   NamesOf(listeners));
    }
  }
  ARROW_RETURN_NOT_OK(AddCredentials(settings, listeners));
  return listeners;
}

arrow::Result<flight::LoginPolicy> MakeFlightLogins(const ListenerSettings& settings,
                                                    const std::vector<ListenerOptions>& listeners) {
  const auto asks = [](const ListenerOptions& listener) { return listener.credentials != nullptr; };
  flight::LoginPolicy policy{.credentials = settings.credentials, .anonymous = !std::ranges::all_of(listeners, asks)};
  if (const auto own = settings.credentials_of.find(Lower(kFlightListener)); own != settings.credentials_of.end()) {
    policy.credentials = own->second;
  } else if (const auto first = std::ranges::find_if(listeners, asks);
             !policy.credentials && first != listeners.end()) {
    policy.credentials = first->credentials;
  }
  if (const auto told = settings.sasl.find(kFlightListener); told != settings.sasl.end()) {
    policy.anonymous = !told->second;
  }
  if (policy.anonymous || policy.credentials) return policy;
  return Error(ErrorCode::kInvalidConfig,
               "security.protocol.map: {} asks for SASL, but nobody could log in: set security.sasl.plain.jaas.config.",
               kFlightListener);
}

}  // namespace thalweg::app
