#include "thalweg/cli/text_table.h"

#include <algorithm>
#include <cstdint>

namespace thalweg::cli {
namespace {

bool StartsCharacter(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

}  // namespace

std::string TextTable::ToString() const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(row[i]));
  }
  std::string text;
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - DisplayWidth(row[i]) + 2, ' ');
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  }
  return text;
}

size_t DisplayWidth(std::string_view text) { return static_cast<size_t>(std::ranges::count_if(text, StartsCharacter)); }

std::string FitTo(std::string_view text, size_t width) {
  std::string clean;
  for (const char c : text) clean += static_cast<unsigned char>(c) < ' ' || c == '\x7F' ? ' ' : c;
  if (DisplayWidth(clean) <= width) return clean;
  if (width == 0) return {};
  size_t characters = 0, end = 0;
  for (; end < clean.size(); ++end) {
    if (StartsCharacter(clean[end]) && characters++ == width - 1) break;
  }
  return clean.substr(0, end) + "…";
}

std::string WithSeparators(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

}  // namespace thalweg::cli
