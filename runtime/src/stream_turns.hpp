// SPDX-License-Identifier: Apache-2.0
// Streams in turns: what a writer sends as a turn of its own, without a record; what a handler asks
// for beside its state; and what the end of a life takes along.
#pragma once

#include "turn_runner.hpp"

namespace perdure::runtime {

/// Whose streams, and where: a draft's, or those of an object that stays as it is.
struct StreamGround {
  const Envelope& envelope;
  const ObjectMeta& meta;  ///< of the object, with the turn's owner
  const TurnSurroundings& around;
};

/// Adds changes to a decision, in order. Shape: after drop_streams, where a life begins.
/// Errors  those of write_stream, check_stream_name; conflict (`streams`), with a new one beyond
///         limits::object_streams_max; those of the store.
[[nodiscard]] Result<void> change_streams(const StreamGround& ground,
                                          const std::vector<StreamChange>& changes,
                                          Decision& decision);

/// Takes all streams of the object away, and what they count for `owner`.
/// Errors: those of the store.
[[nodiscard]] Result<void> drop_streams(const ObjectId& object, const std::string& owner,
                                        const TurnSurroundings& around, Decision& decision);

/// Operation::stream: no record, no new seq.
[[nodiscard]] Result<Decision> run_stream(const Envelope& envelope, const Version& newest,
                                          const TurnSurroundings& around);

}  // namespace perdure::runtime
