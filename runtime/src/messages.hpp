// SPDX-License-Identifier: Apache-2.0
// The messages that an object's actor understands. They never leave the process.
#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <memory>

#include "committer.hpp"
#include "envelope.hpp"

namespace perdure::runtime {

/// A call for the object.
struct Delivery {
  EnvelopePtr envelope;
};

/// What the committer could not commit comes back, in the order in which it was submitted.
struct Returned {
  std::shared_ptr<Submission> submission;
};

/// While calls that came back wait: another submission has been dealt with.
struct Settled {};

/// The transaction that holds the object has ended.
struct Released {};

}  // namespace perdure::runtime

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(perdure::runtime::Delivery)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(perdure::runtime::Returned)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(perdure::runtime::Settled)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(perdure::runtime::Released)
