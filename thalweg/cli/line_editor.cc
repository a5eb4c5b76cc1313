#include "thalweg/cli/line_editor.h"

#include <editline/readline.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace thalweg::cli {
namespace {

constexpr int kHistoryMax = 1000;
constexpr const char* kWordBreaks = " \t\n,;()=<>+-*/|[]{}";

// The library has no place for a context.
LineEditor::Complete complete_now;
std::vector<std::string> suggestions;

char* NextSuggestion(const char* word, int state) {
  static size_t next = 0;
  if (state == 0) next = 0;
  const size_t length = std::strlen(word);
  while (next < suggestions.size()) {
    const std::string& suggestion = suggestions[next++];
    if (strncasecmp(suggestion.c_str(), word, length) == 0) return strdup(suggestion.c_str());
  }
  return nullptr;
}

char** Attempt(const char* word, int, int end) {
  rl_attempted_completion_over = 1;  // never names of files
  suggestions =
      complete_now ? complete_now(std::string(rl_line_buffer, static_cast<size_t>(end))) : std::vector<std::string>{};
  return rl_completion_matches(word, NextSuggestion);
}

}  // namespace

LineEditor::LineEditor(std::string history_file, Complete complete) : history_file_(std::move(history_file)) {
  complete_now = std::move(complete);
  rl_readline_name = "thalweg";
  rl_attempted_completion_function = Attempt;
  rl_completer_word_break_characters = const_cast<char*>(kWordBreaks);
  using_history();
  stifle_history(kHistoryMax);
  if (!history_file_.empty()) (void)read_history(history_file_.c_str());  // there is none the first time
}

LineEditor::~LineEditor() {
  if (!history_file_.empty()) (void)write_history(history_file_.c_str());  // a convenience, not worth an error
  complete_now = nullptr;
}

std::optional<std::string> LineEditor::Read(const std::string& prompt) {
  errno = 0;
  char* line = readline(prompt.c_str());
  if (line == nullptr) {
    if (errno != EINTR) return std::nullopt;
    // Ctrl-C, which ends the line and nothing else.
    std::fputc('\n', stdout);
    return std::string();
  }
  std::string text(line);
  std::free(line);
  return text;
}

void LineEditor::Remember(const std::string& statement) { add_history(statement.c_str()); }

}  // namespace thalweg::cli
