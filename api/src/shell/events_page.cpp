// SPDX-License-Identifier: Apache-2.0
#include "shell/events_page.hpp"

#include <fmt/format.h>

#include "perdure/actors/items.hpp"
#include "perdure/actors/noun.hpp"
#include "perdure/runtime/outbox.hpp"

namespace perdure::shell {

namespace {

void add_changes(std::string& out, const std::string& kind, std::string_view data) {
  out += fmt::format(
      "| `{0}.created`, `{0}.updated`, `{0}.deleted`, `{0}.restored`, `{0}.purged` | `{1}` | it "
      "was made, changed, deleted, brought back, purged |\n",
      kind, data);
}

/// Of what tells of the others by topics of its own.
void add_ends(std::string& out, const std::string& kind) {
  out += fmt::format(
      "| `{0}.deleted`, `{0}.restored`, `{0}.purged` | `{{id, seq, changed}}` | it was deleted, "
      "brought back, purged |\n",
      kind);
}

void add(std::string& out, std::string_view topic, std::string_view data, std::string_view about) {
  out += fmt::format("| `{}` | `{}` | {} |\n", topic, data, about);
}

}  // namespace

std::string topics_as_markdown() {
  std::string out = "| topic | data | when |\n|---|---|---|\n";
  for (const auto& noun : actors::nouns()) {
    if (noun.made_by == actors::Noun::MadeBy::domain) {
      add_changes(out, noun.kind, "{id, seq, changed}");
    }
    for (const auto& items : noun.items) {
      add_changes(out, items.one, "{id, seq, parent, changed}");
      add(out, fmt::format("{}.{}", items.one, actors::item_topic::many_changed),
          "{seq, parent, created, updated, deleted, restored, purged}",
          "a restore or an import changed more of them than the first 40, which are told singly: "
          "so "
          "many more. Read the list again");
    }
    for (const auto& topic : noun.topics) add(out, topic.topic, topic.data, topic.about);
    if (noun.made_by == actors::Noun::MadeBy::host) add_ends(out, noun.kind);
  }
  out +=
      "| `<kind>.shared`, `<kind>.unshared` | `{id, seq, grantee}` | it was shared with somebody, "
      "or with another role than before; that ended |\n";
  add(out, dead_letter_topic, "{id, type, from, attempts, error, …}",
      "a message, an effect or an alarm was given up");
  add_ends(out, "dead_letter");
  return out;
}

}  // namespace perdure::shell
