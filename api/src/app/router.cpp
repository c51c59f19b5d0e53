// SPDX-License-Identifier: Apache-2.0
#include "app/router.hpp"

#include <algorithm>
#include <set>

#include "perdure/actors/sent_back.hpp"
#include "perdure/base/check.hpp"
#include "perdure/schemas/registry.hpp"

namespace perdure::api {

namespace {

std::size_t slot(http::Method method) {
  // HEAD is answered as GET; the session leaves the body out.
  return static_cast<std::size_t>(method == http::Method::head ? http::Method::get : method);
}

/// Of the members that never change those that the route's schema declares `readOnly`.
std::vector<std::string> fixed_members_of(const std::string& schema) {
  std::vector<std::string> fixed;
  const Json* json = schema_json(schema);
  if (json == nullptr || !json->contains("properties")) return fixed;
  const Json& properties = json->at("properties");
  for (const auto name : actors::sent_back_names) {
    const auto member = properties.find(name);
    if (member != properties.end() && member->is_object() && member->value("readOnly", false)) {
      fixed.emplace_back(name);
    }
  }
  return fixed;
}

bool has_scopes(const Permission& permission) {
  return permission.access != Access::open && permission.access != Access::any_scope;
}

}  // namespace

void Router::note_resource(const Route& route) {
  if (!has_scopes(route.permission)) return;
  const auto& resource = route.permission.resource;
  for (const char* access : {":read", ":write", ":destroy"}) scopes_.push_back(resource + access);
  const auto* call = std::get_if<ObjectCall>(&route.target);
  if (call != nullptr && !call->kind.empty()) resources_.emplace(call->kind, resource);
}

std::string Router::resource_of(std::string_view kind) const {
  const auto found = resources_.find(kind);
  return found == resources_.end() ? "durable-objects" : found->second;
}

bool Router::Node::ends() const {
  return std::ranges::any_of(methods, [](const auto* route) { return route != nullptr; });
}

Router::Router(std::vector<Route> routes) {
  routes_.reserve(routes.size());  // nodes point into it
  std::set<std::string> operations;
  for (auto& route : routes) {
    PERDURE_CHECK(operations.insert(route.operation).second, route.operation);
    CompiledRoute compiled{.route = std::move(route)};
    const auto& entry = compiled.route;
    if (!entry.request_schema.empty()) {
      compiled.request_schema = find_schema(entry.request_schema);
      PERDURE_CHECK(compiled.request_schema != nullptr, entry.request_schema);
    }
    compiled.scope_read = std::string{entry.permission.resource} + ":read";
    compiled.scope_write = std::string{entry.permission.resource} + ":write";
    compiled.scope_destroy = std::string{entry.permission.resource} + ":destroy";
    compiled.fixed_members = fixed_members_of(entry.request_schema);
    note_resource(entry);
    routes_.push_back(std::move(compiled));
    add(routes_.back());
  }
  scopes_.emplace_back("*");
  std::ranges::sort(scopes_);
  const auto again = std::ranges::unique(scopes_);
  scopes_.erase(again.begin(), again.end());
}

void Router::add(CompiledRoute& route) {
  auto* node = &root_;
  std::string_view rest = route.route.path;
  while (rest.size() > 1) {
    rest.remove_prefix(1);
    const auto part = rest.substr(0, rest.find('/'));
    rest.remove_prefix(part.size());
    if (part.starts_with('{')) {
      route.path_parameters.emplace_back(part.substr(1, part.size() - 2));
      if (!node->parameter) node->parameter = std::make_unique<Node>();
      node = node->parameter.get();
      continue;
    }
    auto& child = node->children[std::string{part}];
    if (!child) child = std::make_unique<Node>();
    node = child.get();
  }
  PERDURE_CHECK(route.path_parameters.size() <= limits::path_parameters_max, "path parameters");
  auto& place = node->methods[slot(route.route.method)];
  PERDURE_CHECK(place == nullptr, route.route.path);
  place = &route;
}

const Router::Node* Router::walk(const Node& node, const Path& path, std::size_t at,
                                 PathValues& values, std::size_t found) {
  if (at == path.size()) return node.ends() ? &node : nullptr;
  if (const auto child = node.children.find(path[at]); child != node.children.end()) {
    if (const auto* end = walk(*child->second, path, at + 1, values, found)) return end;
  }
  // A literal stands before a parameter: `/users/me` is never the user called "me".
  if (!node.parameter || path[at].empty()) return nullptr;
  const auto* end = walk(*node.parameter, path, at + 1, values, found + 1);
  if (end != nullptr) values[found] = path[at];
  return end;
}

Match Router::find(http::Method method, const Path& path) const {
  Match match;
  const auto* node = walk(root_, path, 0, match.values, 0);
  if (node == nullptr) return match;
  match.route = method == http::Method::options ? nullptr : node->methods[slot(method)];
  if (match.route != nullptr) return match;
  for (const auto* route : node->methods) {
    if (route == nullptr) continue;
    match.allow += match.allow.empty() ? "" : ", ";
    match.allow += http::to_string(route->route.method);
    if (route->route.method == http::Method::get) match.allow += ", HEAD";
  }
  match.allow += ", OPTIONS";
  return match;
}

}  // namespace perdure::api
