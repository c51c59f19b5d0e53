// SPDX-License-Identifier: Apache-2.0
// Objects as CAF actors, for a host that speaks CAF. Include it only where CAF is used.
//
//   RuntimeOptions options{.data_dir = "data", .actor_system = &system};
//   …
//   auto alice = perdure::as_actor(system, *runtime, {"counter", "alice"});
//   self->request(alice, caf::infinite, call_atom::value, "add", R"({"by":2})")
//       .then([](const std::string& reply_json) { … });
#pragma once

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/atom.hpp>

#include "perdure/runtime/runtime.hpp"

namespace perdure {

using call_atom = caf::atom_constant<caf::atom("call")>;  ///< a command
using ask_atom = caf::atom_constant<caf::atom("ask")>;    ///< a query

/// A handle for one object. It understands `(call_atom | ask_atom, name, payload as JSON text)` and
/// answers with the reply's value as JSON text, when what it depends on is durable.
///
/// Errors    a caf::error of category `perdure`, whose code is that of ErrorCode plus one and whose
///           context is the sentence for people; `error_of` gives it back.
/// Lifetime  the runtime must outlive the handle's last message. The handle keeps nothing in memory
///           but itself: the object hibernates and comes back behind it.
/// Threads   any.
[[nodiscard]] caf::actor as_actor(caf::actor_system& system, Runtime& runtime, ObjectId object);

[[nodiscard]] caf::error to_caf_error(const Error& error);
/// None when the error is not of category `perdure`.
[[nodiscard]] std::optional<Error> error_of(const caf::error& error);

}  // namespace perdure
