// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace perdure::http {

/// The bytes that the peer of a TCP socket has taken since the connection began. What waits in this
/// system's buffers is not among them. 0 where the kernel does not tell.
/// Costs  a system call.
[[nodiscard]] std::uint64_t acknowledged_bytes(int socket) noexcept;

}  // namespace perdure::http
