// SPDX-License-Identifier: Apache-2.0
#include "perdure/testing/chance.hpp"

namespace perdure::testing {

namespace {

std::uint64_t mix(std::uint64_t seed, std::string_view purpose) {
  Trace mixed;
  mixed.note(seed);
  for (const char letter : purpose) mixed.note(static_cast<unsigned char>(letter));
  return mixed.hash();
}

}  // namespace

Chance::Chance(std::uint64_t seed, std::string_view purpose, std::shared_ptr<Trace> trace)
    : engine_(mix(seed, purpose)), trace_(std::move(trace)) {}

}  // namespace perdure::testing
