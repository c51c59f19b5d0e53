// SPDX-License-Identifier: Apache-2.0
// The end of a connection whose last words matter. A socket that is closed with unread bytes makes
// the kernel send a reset, and a reset destroys what the peer has not read yet: the reason why it
// was refused. So the sending side is ended first, and what still comes is read and dropped.
#pragma once

#include <cstddef>
#include <functional>

#include "http/transport.hpp"

namespace perdure::http {

/// Ends what this side sends (with TLS: says so, too). `done` is called once, later: when the peer
/// has ended its side, when it has sent `bytes_max` more, or when the socket was closed, which is
/// how the caller bounds the time.
///
/// Threads   the loop's.
/// Lifetime  borrows `channel` until `done`; nothing else may read from it meanwhile.
void linger_before_close(Channel& channel, std::size_t bytes_max, std::function<void()> done);

}  // namespace perdure::http
