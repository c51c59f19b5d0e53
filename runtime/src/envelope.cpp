// SPDX-License-Identifier: Apache-2.0
#include "envelope.hpp"

namespace perdure::runtime {

void Envelope::answer(Result<Reply> reply) {
  const auto handler = std::exchange(done, nullptr);
  PERDURE_CHECK(handler, "a call is answered twice");
  const auto stay = in_flight.land();
  handler(std::move(reply));
}

}  // namespace perdure::runtime
