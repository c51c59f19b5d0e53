// SPDX-License-Identifier: Apache-2.0
// The real HTTP server on the loopback interface, one for the whole process, for inputs that are
// the bytes of a connection.
#pragma once

#include <string>
#include <string_view>

namespace perdure::fuzz {

/// Connects, sends `bytes`, ends the sending side, and returns all that comes until the server
/// closes. A server that does not close in a minute is a finding. With `first`, this goes ahead,
/// and `bytes` follow once an answer's head has come.
[[nodiscard]] std::string talk(std::string_view bytes, std::string_view first = {});

}  // namespace perdure::fuzz
