// SPDX-License-Identifier: Apache-2.0
// What RFC 6455 wants of an echo, frame by frame, worked out from the bytes alone.
#pragma once

#include <string_view>

namespace perdure::fuzz {

/// Aborts where `received` is not what an echo without extensions sends to a client that sent
/// `sent` and then ended its side.
void check_echo(std::string_view sent, std::string_view received);

}  // namespace perdure::fuzz
