#include "thalweg/security/plain_credentials.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "thalweg/base/error.h"

namespace thalweg::security {
namespace {

constexpr std::string_view kModule = "org.apache.fluss.security.auth.sasl.plain.PlainLoginModule";
constexpr std::string_view kUserPrefix = "user_";
constexpr std::string_view kFlags[] = {"required", "requisite", "sufficient", "optional"};
constexpr std::string_view kPasswordOfNobody = "the password of a user who is not there";

arrow::Status BadJaas(std::string_view why) {
  return Error(
      ErrorCode::kInvalidConfig,
      "{}. Write: {} required user_NAME=\"PASSWORD\" user_OTHER=\"PASSWORD\"; (the value is not shown here, it "
      "may hold passwords).",
      why, kModule);
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool IsWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
         c == '_' || c == '$' || static_cast<unsigned char>(c) >= 0x80;
}

/// A word, a quoted text without its quotes, or one character.
struct Token {
  enum Kind { kWord, kQuoted, kSign } kind;
  std::string text;
  bool Is(char sign) const { return kind == kSign && text[0] == sign; }
};

/// Cuts a JAAS text as Java's StreamTokenizer does for it.
class Tokenizer {
 public:
  explicit Tokenizer(std::string_view text) : rest_(text) {}

  /// None at the end.
  arrow::Result<std::optional<Token>> Next() {
    ARROW_RETURN_NOT_OK(SkipSpace());
    if (rest_.empty()) return std::nullopt;
    const char first = rest_.front();
    if (first == '"' || first == '\'') return Quoted(first);
    size_t length = 0;
    while (length < rest_.size() && IsWord(rest_[length])) ++length;
    Token token{length == 0 ? Token::kSign : Token::kWord, std::string(rest_.substr(0, std::max<size_t>(length, 1)))};
    rest_.remove_prefix(token.text.size());
    return token;
  }

 private:
  arrow::Status SkipSpace() {
    while (!rest_.empty()) {
      if (static_cast<unsigned char>(rest_.front()) <= ' ') {
        rest_.remove_prefix(1);
      } else if (rest_.starts_with("//")) {
        rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
      } else if (rest_.starts_with("/*")) {
        const size_t end = rest_.find("*/", 2);
        if (end == std::string_view::npos) return BadJaas("A comment does not end");
        rest_.remove_prefix(end + 2);
      } else {
        break;
      }
    }
    return arrow::Status::OK();
  }

  arrow::Result<std::optional<Token>> Quoted(char quote) {
    Token token{Token::kQuoted, {}};
    for (size_t i = 1; i < rest_.size() && rest_[i] != '\n'; ++i) {
      if (rest_[i] == quote) {
        rest_.remove_prefix(i + 1);
        return token;
      }
      if (rest_[i] == '\\' && i + 1 < rest_.size()) ++i;
      token.text.push_back(rest_[i]);
    }
    return BadJaas("A quoted text does not end on its line");
  }

  std::string_view rest_;
};

/// Equal, in a time that depends on the lengths only.
bool SameText(std::string_view a, std::string_view b) {
  unsigned char differs = a.size() != b.size();
  for (size_t i = 0; i < a.size(); ++i) {
    differs |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b.empty() ? 1 : b[i % b.size()]);
  }
  return differs == 0;
}

arrow::Status Refuse(std::string_view why) {
  return Error(ErrorCode::kAuthenticate, "Authentication failed: {}.", why);
}

}  // namespace

arrow::Result<PlainCredentials> PlainCredentials::FromJaas(std::string_view text) {
  Tokenizer tokens(text);
  ARROW_ASSIGN_OR_RAISE(const auto module, tokens.Next());
  if (!module || module->text != kModule) return BadJaas("The login module is missing, or another one");
  ARROW_ASSIGN_OR_RAISE(const auto flag, tokens.Next());
  const auto is_flag = [&](std::string_view known) { return std::ranges::equal(flag->text, known, {}, Lower); };
  if (!flag || std::ranges::none_of(kFlags, is_flag)) return BadJaas("\"required\" is missing after the login module");
  PlainCredentials credentials;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const auto key, tokens.Next());
    if (!key) return BadJaas("The semicolon at the end is missing");
    if (key->Is(';')) break;
    ARROW_ASSIGN_OR_RAISE(const auto equals, tokens.Next());
    ARROW_ASSIGN_OR_RAISE(const auto value, tokens.Next());
    if (key->kind == Token::kSign || !equals || !equals->Is('=') || !value || value->kind == Token::kSign) {
      return BadJaas("Something is not of the form key=\"value\"");
    }
    if (!key->text.starts_with(kUserPrefix)) continue;  // username, password: of clients
    const std::string name = key->text.substr(kUserPrefix.size());
    if (name.empty() || value->text.empty()) return BadJaas("A user name or password is empty");
    credentials.passwords_[name] = value->text;
  }
  ARROW_ASSIGN_OR_RAISE(const auto more, tokens.Next());
  if (more) return BadJaas("Something follows the semicolon; there may be one login module");
  return credentials;
}

arrow::Result<PlainCredentials> PlainCredentials::FromPairs(std::string_view text) {
  PlainCredentials credentials;
  while (!text.empty()) {
    std::string_view pair = text.substr(0, text.find(','));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    while (pair.ends_with(' ')) pair.remove_suffix(1);
    const size_t colon = pair.find(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == pair.size()) {
      return Error(
          ErrorCode::kInvalidConfig,
          "Write NAME:PASSWORD,NAME:PASSWORD; a comma in a password needs security.sasl.plain.jaas.config (the "
          "value is not shown here, it may hold passwords).");
    }
    credentials.passwords_[std::string(pair.substr(0, colon))] = pair.substr(colon + 1);
  }
  return credentials;
}

arrow::Result<Principal> PlainCredentials::Check(std::string_view token) const {
  std::vector<std::string_view> parts;
  for (size_t from = 0; from <= token.size() && parts.size() < 4;) {
    const size_t to = std::min(token.find('\0', from), token.size());
    parts.push_back(token.substr(from, to - from));
    from = to + 1;
  }
  if (parts.size() != 3)
    return Refuse("a PLAIN token has an authorization id, a name and a password, with NULs between");
  const std::string_view name = parts[1];
  if (name.empty()) return Refuse("the user name is missing");
  if (parts[2].empty()) return Refuse("the password is missing");
  const auto known = passwords_.find(name);
  const bool right = SameText(parts[2], known == passwords_.end() ? kPasswordOfNobody : known->second);
  if (!right || known == passwords_.end()) return Refuse("user name or password is wrong");
  if (!parts[0].empty() && parts[0] != name) return Refuse("the authorization id is not the user name");
  return Principal{.name = std::string(name)};
}

}  // namespace thalweg::security
