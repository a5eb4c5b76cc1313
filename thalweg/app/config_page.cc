#include "thalweg/app/config_page.h"

#include <algorithm>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "thalweg/app/config_option.h"

namespace thalweg::app {
namespace {

constexpr std::string_view kHead = R"(# Options of thalweg.yaml

<!-- Made by `thalweg serve --list-options > docs/options.md` from thalweg/app/config_options.cc; do not edit. -->

One `name: value` per line, each name once. Names without `thalweg.` are Fluss's own and mean what they mean there. Sizes are written `4096`,
`64kb`, `256mb`, `1gb`; times `500ms`, `30s`, `10min`, `2h`, `7d`. An unknown name is an error that tells the nearest known one.

| Name | Default | What it does |
|---|---|---|
)";

constexpr std::string_view kIgnoredHead = R"(
## Accepted without effect

Options of Fluss's servers that have nothing to act on here. Each is accepted with one warning at the start, so that a `server.yaml` can be
carried over.

| Names | Why |
|---|---|
)";

}  // namespace

std::string ConfigPage() {
  std::string page(kHead);
  for (const auto& option : ConfigOptions()) {
    page += fmt::format("| `{}` | {} | {} |\n", option.name, option.default_text.empty() ? "none" : option.default_text,
                        option.does);
  }
  page += kIgnoredHead;
  for (const auto& group : IgnoredConfigOptions()) {
    std::vector<std::string> names;
    names.reserve(group.names.size());
    for (const auto name : group.names) names.push_back(fmt::format("`{}`", name));
    page += fmt::format("| {} | {} |\n", fmt::join(names, ", "), group.because);
  }
  return page;
}

}  // namespace thalweg::app
