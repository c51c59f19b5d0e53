// SPDX-License-Identifier: Apache-2.0
// What an object's actor is told. It never leaves the process.
#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <cstdint>
#include <memory>
#include <variant>

#include "committer.hpp"
#include "envelope.hpp"
#include "flow_state.hpp"

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

/// One type for all, since every object in memory has handlers of its own for each type.
struct ToObject {
  std::variant<Delivery, Returned, Settled, Released, Onward, FlowAnswer> what;
};

}  // namespace perdure::runtime

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(perdure::runtime::ToObject)
