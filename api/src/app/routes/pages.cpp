// SPDX-License-Identifier: Apache-2.0
// The API pages and their assets, all from the program itself.
//
// Assets stand under a path with a digest of their content, so they may be cached for ever; the
// pages name that path, and are checked each time.
#include <memory>

#include "app/context.hpp"
#include "app/routes/tables.hpp"
#include "app/static_files.hpp"
#include "perdure/base/crypto.hpp"

namespace perdure::api {

namespace {

// Both pages set styles from scripts; nothing else from outside the program is allowed.
constexpr const char* content_policy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

std::string replaced(std::string_view page, const std::string& assets) {
  constexpr std::string_view mark = "@ASSETS@";
  std::string text;
  for (;;) {
    const auto at = page.find(mark);
    text += page.substr(0, at);
    if (at == std::string_view::npos) return text;
    text += assets;
    page.remove_prefix(at + mark.size());
  }
}

std::string assets_path() {
  std::string all;
  for (const auto& file : static_files()) all += bytes_of(sha256(file.bytes));
  return "/docs/assets/" + to_hex(bytes_of(sha256(all))).substr(0, 16);
}

Function serve(StaticAnswer file) {
  file.content_policy = content_policy;
  return [file = std::move(file)](const ContextPtr& context) { answer(*context, file); };
}

std::string operation_of(std::string_view file) {
  std::string name{"asset_"};
  for (const char c : file) name += c == '.' || c == '-' ? '_' : c;
  return name;
}

}  // namespace

void add_page_routes(std::vector<Route>& routes) {
  const auto assets = assets_path();
  for (const auto& file : static_files()) {
    const bool is_page = file.content_type.starts_with("text/html");
    const auto name = std::string{file.path};
    Route route{
        .path = is_page ? "/" + name.substr(0, name.find('.')) : assets + "/" + name,
        .operation = is_page ? "page_" + name.substr(0, name.find('.')) : operation_of(name),
        .tag = "System",
        .summary = is_page ? "This API as a page, " + name.substr(0, name.find('.'))
                           : "A part of the API pages",
        .produces = std::string{file.content_type},
        .validator = Validator::digest};
    if (is_page) {
      route.target = serve(static_answer(file.content_type, replaced(file.bytes, assets)));
    } else {
      auto asset = static_answer(file.content_type, std::string{file.bytes});
      if (!file.gzip.empty()) asset.gzip_body = std::make_shared<const std::string>(file.gzip);
      asset.caching = "public, max-age=31536000, immutable";
      route.target = serve(std::move(asset));
      route.listing = Listing::hidden;
    }
    routes.push_back(std::move(route));
  }
}

}  // namespace perdure::api
