#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace thalweg::cli {

/// A small table for people: columns as wide as their widest cell, two spaces between them, a head in capitals.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> head) { rows_.push_back(std::move(head)); }
  void AddRow(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  /// All lines, each ended.
  std::string ToString() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// How many characters a terminal shows for UTF-8 text, taking every character as one wide.
size_t DisplayWidth(std::string_view text);
/// `text` in at most `width` characters, control characters replaced; what was cut off ends in "…".
std::string FitTo(std::string_view text, size_t width);
/// 1234567 as "1,234,567".
std::string WithSeparators(uint64_t number);

}  // namespace thalweg::cli
