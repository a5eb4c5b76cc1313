#include "thalweg/cli/table_option_page.h"

#include <string_view>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "thalweg/schema/table_options.h"

namespace thalweg::cli {
namespace {

using schema::OptionKind;

constexpr std::string_view kHead = R"(# Options of tables

<!-- Made by `thalweg table options > docs/table_options.md` from thalweg/schema/table_options.cc; do not edit. -->

They are Fluss's own, with Fluss's defaults, checked when a table is created or altered. An unknown name that begins with `table.` is an error. Words are
taken in any case; durations are a number and a unit: `7 d`, `12 h`, `3 min`, `30 s`, `100 ms`. ALTER TABLE changes those that say so, the others are
for ever.

| Name | Type | Default | Alterable | What it does |
|---|---|---|---|---|
)";

std::string TypeText(const schema::TableOption& option) {
  switch (option.kind) {
    case OptionKind::kBoolean:
      return "boolean";
    case OptionKind::kInt:
      return "int";
    case OptionKind::kLong:
      return "long";
    case OptionKind::kText:
      return "text";
    case OptionKind::kDuration:
      return "duration";
    case OptionKind::kEnum:
      break;
  }
  return fmt::format("`{}`", fmt::join(option.values, "`, `"));
}

}  // namespace

std::string TableOptionPage() {
  std::string page(kHead);
  for (const schema::TableOption& option : schema::TableOptions()) {
    const std::string normal = option.default_value.empty() ? "none" : fmt::format("`{}`", option.default_value);
    page += fmt::format("| `{}` | {} | {} | {} | {} |\n", option.key, TypeText(option), normal,
                        option.alterable ? "yes" : "no", option.does);
  }
  return page;
}

}  // namespace thalweg::cli
