#include "thalweg/security/deny_rule.h"

#include <algorithm>
#include <utility>

#include "thalweg/base/error.h"

namespace thalweg::security {
namespace {

constexpr std::string_view kSpace = " \t\r";

arrow::Status BadRule(std::string_view rule, std::string_view why) {
  return Error(
      ErrorCode::kInvalidConfig,
      "\"{}\": {}. Write rules such as \"User:bob READ,WRITE on table sales.orders\" or \"* DROP on cluster\".", rule,
      why);
}

/// The next word of `text`, which loses it; empty at the end.
std::string_view NextWord(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(kSpace));
  text.remove_prefix(word.size());
  return word;
}

bool SameWord(std::string_view a, std::string_view b) {
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; };
  return std::ranges::equal(a, b, {}, upper, upper);
}

arrow::Result<Principal> ParseWho(std::string_view text, std::string_view rule) {
  if (text == kWildcard) return kEverybody;
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size()) {
    return BadRule(rule, "it does not begin with a principal, such as User:bob, User:* or *");
  }
  return Principal{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

arrow::Result<Operation> ParseOperation(std::string_view text, std::string_view rule) {
  for (auto number = static_cast<int32_t>(Operation::kAll); number <= static_cast<int32_t>(Operation::kDescribe);
       ++number) {
    const auto operation = static_cast<Operation>(number);
    if (SameWord(text, OperationName(operation))) return operation;
  }
  return BadRule(
      rule, fmt::format("\"{}\" is no operation; there are ALL, READ, WRITE, CREATE, DROP, ALTER, DESCRIBE", text));
}

arrow::Result<Resource> ParseResource(std::string_view& rest, std::string_view rule) {
  const std::string_view type = NextWord(rest);
  if (SameWord(type, "cluster")) return Resource::Cluster();
  const bool is_table = SameWord(type, "table");
  if (!is_table && !SameWord(type, "database")) {
    return BadRule(rule, "after \"on\" stands none of cluster, database NAME, table DATABASE.TABLE");
  }
  const std::string name(NextWord(rest));
  const size_t dot = name.find('.');
  const bool is_path =
      dot != std::string::npos && dot > 0 && dot + 1 < name.size() && name.find('.', dot + 1) == std::string::npos;
  if (name.empty() || (name != kWildcard && is_path != is_table)) {
    return BadRule(rule, is_table ? "a table is named DATABASE.TABLE" : "a database has one name, without a dot");
  }
  return Resource{is_table ? ResourceType::kTable : ResourceType::kDatabase, name};
}

}  // namespace

arrow::Result<DenyRule> DenyRule::Parse(std::string_view text) {
  DenyRule rule;
  std::string_view rest = text;
  ARROW_ASSIGN_OR_RAISE(rule.principal, ParseWho(NextWord(rest), text));
  rule.operations.clear();
  std::string_view word = NextWord(rest);
  for (; !word.empty() && !SameWord(word, "on"); word = NextWord(rest)) {
    for (size_t from = 0; from <= word.size();) {
      const size_t to = std::min(word.find(',', from), word.size());
      if (to > from) {
        ARROW_ASSIGN_OR_RAISE(const Operation operation, ParseOperation(word.substr(from, to - from), text));
        rule.operations.push_back(operation);
      }
      from = to + 1;
    }
  }
  if (rule.operations.empty()) return BadRule(text, "it names no operation");
  if (word.empty()) return BadRule(text, "\"on\" is missing");
  ARROW_ASSIGN_OR_RAISE(rule.resource, ParseResource(rest, text));
  word = NextWord(rest);
  if (SameWord(word, "from")) {
    rule.host = NextWord(rest);
    if (rule.host.empty()) return BadRule(text, "after \"from\" stands no host");
    word = NextWord(rest);
  }
  if (!word.empty()) return BadRule(text, fmt::format("\"{}\" is too much", word));
  return rule;
}

bool DenyRule::Covers(const Resource& what) const {
  if (resource.type == ResourceType::kCluster) return true;
  if (resource.type == ResourceType::kDatabase) {
    const Resource database = what.ToDatabase();
    return database.type == ResourceType::kDatabase && (resource.name == kWildcard || resource.name == database.name);
  }
  if (what.type != ResourceType::kTable) return false;
  if (resource.name == kWildcard) return true;
  if (resource.name.ends_with(".*")) return what.name.starts_with(resource.name.substr(0, resource.name.size() - 1));
  return resource.name == what.name;
}

bool DenyRule::Denies(const Principal& who, bool ignore_case, std::string_view from, Operation operation,
                      const Resource& what) const {
  Principal meant = principal;
  if (meant == kEverybody) meant.type = who.type;
  if (meant.name == kWildcard) meant.name = who.name;
  return SamePrincipal(meant, who, ignore_case) && (host == kWildcard || host == from) &&
         std::ranges::any_of(operations, [&](Operation o) { return o == Operation::kAll || o == operation; }) &&
         Covers(what);
}

arrow::Result<std::vector<DenyRule>> ParseDenyRules(std::string_view text) {
  std::vector<DenyRule> rules;
  for (size_t from = 0; from <= text.size();) {
    const size_t to = std::min(text.find_first_of(";\n", from), text.size());
    std::string_view part = text.substr(from, to - from);
    part.remove_prefix(std::min(part.find_first_not_of(kSpace), part.size()));
    part = part.substr(0, part.find_last_not_of(kSpace) + 1);
    if (!part.empty()) {
      ARROW_ASSIGN_OR_RAISE(auto rule, DenyRule::Parse(part));
      rules.push_back(std::move(rule));
    }
    from = to + 1;
  }
  return rules;
}

}  // namespace thalweg::security
