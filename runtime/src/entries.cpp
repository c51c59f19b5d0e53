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

bool EntryRange::may_go_on(const std::vector<Entry>& found) const {
  if (found.size() >= limit) return true;
  std::size_t bytes = 0;
  for (const auto& entry : found) bytes += entry.key.size() + entry.value.size();
  return bytes >= bytes_max;
}

EntryRange EntryRange::after(const std::vector<Entry>& found) const {
  EntryRange rest = *this;
  if (order == Order::ascending) {
    rest.from = found.back().key + '\x01';  // keys hold no NUL: this is the next one
  } else {
    rest.until = found.back().key;
  }
  return rest;
}

std::string ordered_key(std::uint64_t number) { return fmt::format("{:016x}", number); }

}  // namespace perdure
