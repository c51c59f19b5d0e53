// SPDX-License-Identifier: Apache-2.0
// Router: finds the route of a method and a path. Built once, then only read.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/paths.hpp"
#include "app/route.hpp"
#include "perdure/schemas/schema.hpp"

namespace perdure::api {

namespace limits {
inline constexpr std::size_t path_parameters_max = 4;
inline constexpr std::size_t methods = 7;
}  // namespace limits

/// A route with all that is looked up only once.
struct CompiledRoute {
  Route route;
  const Schema* request_schema = nullptr;
  std::vector<std::string> path_parameters;  ///< names, in order
  std::string scope_read;                    ///< `notebooks:read`
  std::string scope_write;
  std::string scope_destroy;
  /// Members of the body that never change, and that this route does not let clients set: they are
  /// passed on as what was sent back (perdure/actors/sent_back.hpp).
  std::vector<std::string> fixed_members;

  [[nodiscard]] const std::string& scope(Access access) const {
    if (access == Access::destroy) return scope_destroy;
    return access == Access::read ? scope_read : scope_write;
  }
};

using PathValues = std::array<std::string_view, limits::path_parameters_max>;

struct Match {
  const CompiledRoute* route = nullptr;  ///< null: no such path, or not this method
  PathValues values = {};
  std::string allow;  ///< the path's methods, when the path exists; else empty
};

/// Threads  any, once built.
class Router {
 public:
  /// A template or operation that stands twice, or an unknown schema, is a bug and aborts.
  explicit Router(std::vector<Route> routes);

  /// HEAD finds the route of GET. `allow` is filled only when `route` is null.
  [[nodiscard]] Match find(http::Method method, const Path& path) const;

  [[nodiscard]] const std::vector<CompiledRoute>& routes() const { return routes_; }
  /// All that a key can be given: of each resource of the table three, and `*`. Sorted.
  [[nodiscard]] const std::vector<std::string>& scopes() const { return scopes_; }
  /// The resource whose scopes open the objects of a kind; `durable-objects` for one that has no
  /// routes of its own.
  [[nodiscard]] std::string resource_of(std::string_view kind) const;
  /// The place of one of these routes among them.
  [[nodiscard]] std::size_t place_of(const CompiledRoute& route) const {
    return static_cast<std::size_t>(&route - routes_.data());
  }

 private:
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> children;
    std::unique_ptr<Node> parameter;
    std::array<const CompiledRoute*, limits::methods> methods = {};
    [[nodiscard]] bool ends() const;
  };

  void add(CompiledRoute& route);
  static const Node* walk(const Node& node, const Path& path, std::size_t at, PathValues& values,
                          std::size_t found);

  void note_resource(const Route& route);

  std::vector<CompiledRoute> routes_;
  std::vector<std::string> scopes_;
  std::map<std::string, std::string, std::less<>> resources_;  // by kind
  Node root_;
};

}  // namespace perdure::api
