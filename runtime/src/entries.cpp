// SPDX-License-Identifier: Apache-2.0
#include "perdure/runtime/entries.hpp"

#include <fmt/format.h>

#include "perdure/runtime/turn.hpp"
#include "perdure/storage/store.hpp"

namespace perdure {

Json Entry::json() const {
  auto parsed = parse_stored_json(value);
  if (!parsed) {
    throw Failure(
        {.code = ErrorCode::corrupt, .detail = "entry " + key + " is " + parsed.error().detail});
  }
  return std::move(parsed).value();
}

EntryRange EntryRange::prefix(std::string prefix, Order order, std::size_t limit) {
  auto end = storage::prefix_end(prefix);
  return {.from = std::move(prefix), .until = std::move(end), .order = order, .limit = limit};
}

std::string ordered_key(std::uint64_t number) { return fmt::format("{:016x}", number); }

}  // namespace perdure
