// SPDX-License-Identifier: Apache-2.0
// /problems/{code}: what each problem's `type` leads to. Pages are made of the table of codes, and
// of the own errors of kinds.
#include <array>
#include <map>
#include <memory>

#include "app/context.hpp"
#include "app/fields.hpp"
#include "app/problem.hpp"
#include "app/routes/tables.hpp"
#include "app/services.hpp"
#include "perdure/actors/kinds.hpp"
#include "perdure/base/error_table.hpp"

namespace perdure::api {

namespace {

constexpr std::string_view json_type = "application/json";
constexpr std::string_view html_type = "text/html; charset=utf-8";

// The pages load nothing.
constexpr const char* content_policy =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

std::string_view committed_text(Committed committed) {
  switch (committed) {
    case Committed::no: return "no";
    case Committed::yes: return "yes";
    case Committed::unknown: return "unknown";
  }
  return "unknown";
}

Json fields_of(const ErrorRow& row) {
  auto fields = Json::array();
  for (auto rest = row.fields; !rest.empty();) {
    const auto comma = std::min(rest.find(','), rest.size());
    fields.push_back(trim(rest.substr(0, comma)));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return fields;
}

std::string as_json(const ErrorRow& row) {
  const auto& traits = row.traits;
  return dump_json({{"type", problem_type(traits.name)},
                    {"code", traits.name},
                    {"title", title_of(traits.http_status)},
                    {"status", traits.http_status},
                    {"retry", traits.retry == Retry::yes},
                    {"committed", committed_text(traits.committed)},
                    {"meaning", row.meaning},
                    {"advice", row.advice},
                    {"fields", fields_of(row)}});
}

// Of a text of the table: `code` becomes <code>.
std::string html_of(std::string_view text) {
  std::string html;
  bool in_code = false;
  for (const char c : text) {
    switch (c) {
      case '<': html += "&lt;"; break;
      case '>': html += "&gt;"; break;
      case '&': html += "&amp;"; break;
      case '`':
        html += in_code ? "</code>" : "<code>";
        in_code = !in_code;
        break;
      default: html += c;
    }
  }
  return html;
}

std::string as_html(const ErrorRow& row) {
  const auto& traits = row.traits;
  const std::string name{traits.name};
  const auto line = [](const char* what, const std::string& value) {
    return std::string{"<dt>"} + what + "</dt><dd>" + value + "</dd>\n";
  };
  std::string html =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<title>" +
      name +
      "</title>\n<style>body { font-family: sans-serif; max-width: 42em; margin: 2em auto; "
      "padding: 0 1em; } dt { font-weight: bold; }</style>\n</head>\n<body>\n<h1>" +
      name + "</h1>\n<p>" + html_of(row.meaning) + "</p>\n<p>" + html_of(row.advice) +
      "</p>\n<dl>\n";
  html += line("Status", std::to_string(traits.http_status) + ' ' +
                             std::string{title_of(traits.http_status)});
  html += line("Can the same request succeed later?", traits.retry == Retry::yes ? "yes" : "no");
  html += line("Was anything changed?", std::string{committed_text(traits.committed)});
  if (!row.fields.empty()) html += line("Response fields", std::string{row.fields});
  return html + "</dl>\n</body>\n</html>\n";
}

struct Page {
  StaticAnswer json;
  StaticAnswer html;
};
using Pages = std::map<std::string, Page, std::less<>>;

Page page_of(const ErrorRow& row) {
  Page page{.json = static_answer(json_type, as_json(row)),
            .html = static_answer(html_type, as_html(row))};
  page.html.content_policy = content_policy;
  return page;
}

Pages make_pages() {
  Pages pages;
  for (const auto& row : error_table()) pages.emplace(row.traits.name, page_of(row));
  return pages;
}

/// The page of an error that a kind of the server declares for itself.
std::optional<Page> own_page(const Runtime& runtime, const std::string& code) {
  const auto errors = actors::own_errors(runtime.kinds());
  const auto found = errors.find(code);
  if (found == errors.end()) return {};
  const auto& error = found->second.error;
  return page_of({.code = {},
                  .traits = {code, error.http_status, Retry::no, Committed::no},
                  .meaning = error.title,
                  .advice = "Read the resource, and decide anew."});
}

void show(const Pages& pages, const ContextPtr& context) {
  const std::string code{context->value("code")};
  const auto known = pages.find(code);
  const auto own = known == pages.end() ? own_page(context->services.runtime, code) : std::nullopt;
  const auto* const page = own ? &*own : known == pages.end() ? nullptr : &known->second;
  if (page == nullptr) {
    return answer(*context, Error{.code = ErrorCode::not_found, .detail = "no such problem"});
  }
  constexpr std::array types{json_type, html_type};
  const auto accept = joined(context->request.headers, "Accept").value_or("");
  const bool wants_html = best_type(accept, types) == 1U;
  answer(*context, wants_html ? page->html : page->json);
}

}  // namespace

void add_problem_routes(std::vector<Route>& routes) {
  // Shared: a Function can be copied.
  const auto pages = std::make_shared<const Pages>(make_pages());
  routes.push_back(
      {.path = "/problems/{code}",
       .operation = "getProblem",
       .tag = "System",
       .summary = "What a problem's `type` leads to: what its code means, and what to do about it",
       .target = Function{[pages](const ContextPtr& context) { show(*pages, context); }},
       .response_schema = "ProblemPage",
       .also_produces = std::string{html_type},
       .validator = Validator::digest});
}

}  // namespace perdure::api
