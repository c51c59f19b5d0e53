// SPDX-License-Identifier: Apache-2.0
#include "root_size.hpp"

#include <fmt/format.h>

#include "perdure/runtime/options.hpp"
#include "perdure/schemas/pointer.hpp"

namespace perdure::runtime {

Result<void> check_root_size(const Json& root, std::size_t bytes) {
  if (bytes <= limits::root_bytes_max) return {};
  Error error{.code = ErrorCode::too_large,
              .detail = fmt::format("the state has {} bytes; an object's root state has at most {}",
                                    bytes, limits::root_bytes_max)};
  std::string largest;
  std::size_t most = 0;
  const auto members = root.is_object() ? root : Json::object();
  for (const auto& [name, value] : members.items()) {
    const auto size = dump_json(value).size();
    if (size <= most) continue;
    most = size;
    largest = name;
  }
  if (most > 0) {
    error.fields.push_back({pointer_to(largest), "bytes",
                            fmt::format("has {} bytes; all members together have at most {}", most,
                                        limits::root_bytes_max)});
  }
  return fail(std::move(error));
}

}  // namespace perdure::runtime
