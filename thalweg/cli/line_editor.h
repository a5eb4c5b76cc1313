#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace thalweg::cli {

/// Lines from a terminal, with history and completion: libedit, which every BSD's shells use. One at a time in a process.
/// Thread safety: none.
class LineEditor {
 public:
  /// What may stand in place of the last word of a text.
  using Complete = std::function<std::vector<std::string>(const std::string& text)>;

  /// `history_file` is read now and written at the end; empty: history is not kept.
  LineEditor(std::string history_file, Complete complete);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  /// The next line, without its end; an empty one after Ctrl-C; nothing at the end of the input.
  std::optional<std::string> Read(const std::string& prompt);
  void Remember(const std::string& statement);

 private:
  const std::string history_file_;
};

}  // namespace thalweg::cli
