// SPDX-License-Identifier: Apache-2.0
// What an object's actor is told. It never leaves the process.
#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "committer.hpp"
#include "envelope.hpp"
#include "flow_state.hpp"
#include "perdure/storage/store.hpp"

namespace perdure::runtime {

/// A call for the object.
struct Delivery {
  EnvelopePtr envelope;
};

/// What the committer could not commit comes back, in the order in which it was submitted.
struct Returned {
  SubmissionPtr submission;
};

/// While calls that came back wait: another submission has been dealt with.
struct Settled {};

/// The transaction has ended. Another one may hold the object: then this one was refused it.
struct Released {
  std::uint64_t transaction;
};

/// Calls that the activation held may run, one with each of these.
struct Onward {};

/// What is ahead of the disk is to be stored.
struct Flush {
  FlushWhy why;
};
/// Rows that a parked turn lacked.
struct FetchedRows {
  std::uint64_t ticket;  ///< of the fetch
  std::vector<storage::Read> reads;
  std::vector<storage::ReadAnswer> answers;
  InFlight kept;  ///< counted until the object has been told
};
struct Fetched {
  std::shared_ptr<FetchedRows> rows;
};

/// One type for all, since every object in memory has handlers of its own for each type.
struct ToObject {
  std::variant<Delivery, Returned, Settled, Released, Onward, Flush, Fetched, FlowAnswer> what;
};

}  // namespace perdure::runtime

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(perdure::runtime::ToObject)
