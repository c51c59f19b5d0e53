// SPDX-License-Identifier: Apache-2.0
#include "shell/errors_page.hpp"

#include <fmt/format.h>

#include "perdure/actors/kinds.hpp"
#include "perdure/base/error_table.hpp"

namespace perdure::shell {

namespace {

std::string fields_in_code(std::string_view fields) {
  std::string text;
  while (!fields.empty()) {
    const auto end = std::min(fields.find(", "), fields.size());
    text += fmt::format("{}`{}`", text.empty() ? "" : ", ", fields.substr(0, end));
    fields.remove_prefix(std::min(end + 2, fields.size()));
  }
  return text;
}

std::string in_code(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += fmt::format("{}`{}`", text.empty() ? "" : ", ", name);
  return text;
}

std::vector<std::string> names_of_members(const OwnErrorDefinition& error) {
  std::vector<std::string> names;
  const auto properties = error.members.value("properties", Json::object());
  for (const auto& [name, schema] : properties.items()) names.push_back(name);
  return names;
}

// Whether the same request can succeed later, and what has become of the first one.
std::string_view retry_text(const ErrorTraits& traits) {
  if (traits.committed == Committed::unknown) return "yes, with the same `Idempotency-Key`";
  return traits.retry == Retry::yes ? "yes" : "no";
}

}  // namespace

std::string errors_as_markdown(const std::vector<Kind>& kinds) {
  std::string out =
      "# Errors\n\n"
      "<!-- Written by `perdure errors`; a test compares the two. -->\n\n"
      "Every failure over HTTP is a problem (RFC 9457). Its `code` is one of these and is stable; "
      "a\n"
      "code has one status. Its `type`, `/problems/<code>`, leads to the same words on a running\n"
      "server, as a page or as JSON. *Again* says whether the same request can succeed later.\n\n"
      "| code | status | again | fields | what it means | what to do |\n"
      "|---|---|---|---|---|---|\n";
  for (const auto& row : error_table()) {
    out +=
        fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", row.traits.name, row.traits.http_status,
                    retry_text(row.traits), fields_in_code(row.fields), row.meaning, row.advice);
  }
  out +=
      "\n## Of kinds\n\n"
      "Kinds have errors of their own ([calls.md](calls.md#own-errors)): a problem of one has "
      "these\n"
      "members beside those of every problem. Nothing was done, and the same request fails again\n"
      "until the object has changed.\n\n"
      "| code | status | kinds | members | what it means |\n"
      "|---|---|---|---|---|\n";
  for (const auto& [name, of] : actors::own_errors(kinds)) {
    out += fmt::format("| `{}` | {} | {} | {} | {} |\n", name, of.error.http_status,
                       in_code(of.kinds), in_code(names_of_members(of.error)), of.error.title);
  }
  return out;
}

}  // namespace perdure::shell
