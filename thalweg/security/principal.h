#pragma once

#include <compare>
#include <string>

namespace thalweg::security {

/// Who is asking, or whom a rule is about.
struct Principal {
  std::string type = "User";
  std::string name;

  /// As options write it: "User:alice".
  std::string ToString() const { return type + ":" + name; }
  friend auto operator<=>(const Principal&, const Principal&) = default;
};

/// Whoever comes in over a listener that asks for no password.
inline const Principal kAnonymous{"User", "ANONYMOUS"};
/// In a rule: everybody.
inline const Principal kEverybody{"*", "*"};

/// Whether the two are the same, `ignore_case`: apart from the case of ASCII letters.
bool SamePrincipal(const Principal& a, const Principal& b, bool ignore_case);

}  // namespace thalweg::security
