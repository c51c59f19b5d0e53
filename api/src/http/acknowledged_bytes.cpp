// SPDX-License-Identifier: Apache-2.0
// A file of its own: the kernel's header has the count, and does not go together with glibc's.
#include "http/acknowledged_bytes.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>

namespace perdure::http {

std::uint64_t acknowledged_bytes(int socket) noexcept {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  constexpr auto needed = offsetof(tcp_info, tcpi_bytes_acked) + sizeof info.tcpi_bytes_acked;
  return size < needed ? 0 : info.tcpi_bytes_acked;
}

}  // namespace perdure::http
