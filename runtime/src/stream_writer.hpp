// SPDX-License-Identifier: Apache-2.0
// The writer of one attempt at a stream. What it is given waits until what it gave before is on the
// disk, and then goes as one change: so a fast writer's deltas share commits, and a slow one's have
// one each.
#pragma once

#include <memory>

#include "intake.hpp"
#include "perdure/runtime/streams.hpp"

namespace perdure::runtime {

/// Begins the attempt.
[[nodiscard]] std::unique_ptr<StreamWriter> open_writer(Intake& intake, const ObjectId& object,
                                                        std::string stream, StreamAttempt attempt);

/// Of one change, so that a commit holds something of others, too.
inline constexpr std::size_t change_bytes_max = 256u << 10;
inline constexpr std::size_t change_deltas_max = 4'096;

}  // namespace perdure::runtime
