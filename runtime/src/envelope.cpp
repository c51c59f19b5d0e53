// SPDX-License-Identifier: Apache-2.0
#include "envelope.hpp"

#include "cell.hpp"
#include "handler_mark.hpp"
#include "perdure/base/watched_mutex.hpp"

namespace perdure::runtime {

void Envelope::answer(Result<Reply> reply) {
  PERDURE_CHECK(done, "a call is answered twice");
  check_holds_no_lock("a lock is held over an answer");
  const auto* const cell = in_flight.cell().get();
  const HandlerMark mark{cell != nullptr ? cell->directory() : nullptr, HandlerMark::Of::reply,
                         call.target.kind, call.name};
  const auto stay = in_flight.land();  // until the handler is destroyed, too
  const auto handler = std::exchange(done, nullptr);
  handler(std::move(reply));
}

}  // namespace perdure::runtime
