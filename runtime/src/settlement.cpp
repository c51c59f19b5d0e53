// SPDX-License-Identifier: Apache-2.0
#include "settlement.hpp"

#include "kind_rows.hpp"

namespace perdure::runtime {

namespace {

Settlement settlement_of_reply(const Settling& settling) {
  if (settling.committed >= settling.depends_on) return Settlement::answered;
  return settling.health == storage::Health::writable ? Settlement::runs_again
                                                      : Settlement::stopped;
}

}  // namespace

Settlement settlement_of(const Settling& settling) {
  if (settling.outcome == nullptr) return settlement_of_reply(settling);
  if (*settling.outcome) return Settlement::answered;
  const Error& error = settling.outcome->error();
  switch (error.code) {
    case ErrorCode::outcome_unknown: return Settlement::in_doubt;
    case ErrorCode::stale_epoch: return Settlement::outlived;
    case ErrorCode::stale_precondition: return Settlement::runs_again;
    // With the rows that it was given meanwhile, its turn runs again.
    default: return is_marked_meanwhile(error) ? Settlement::runs_again : Settlement::refused;
  }
}

}  // namespace perdure::runtime
