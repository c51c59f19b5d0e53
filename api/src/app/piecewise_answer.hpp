// SPDX-License-Identifier: Apache-2.0
// PiecewiseAnswer: a long answer that is made while it is sent, by slices of a thread, and no
// faster than its client reads it. A short one, which is whole after its first slice, goes out as
// an ordinary answer, with its length.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>

#include "app/context.hpp"
#include "app/route.hpp"
#include "app/worker_pool.hpp"
#include "perdure/runtime/transfer.hpp"

namespace perdure::api {

/// Appends what follows until `out` has grown by `bytes`, or all of it is there.
using PieceReader = std::function<Result<More>(std::string& out, std::size_t bytes)>;
/// Finds what is to be answered, on a slow thread; its error is the answer. Sets the head's fields.
using PieceOpener = std::function<Result<PieceReader>(Context& context, http::Headers& head)>;

/// Errors  those before the first piece is sent are answers of their own; a later one cuts the
///         body short, which the client sees.
/// Limits  a slice makes 256 KiB, and no more is made while 128 KiB wait for the client. One line
///         of a file, or one entry, may be larger, and is held whole.
class PiecewiseAnswer final : public SlowTask,
                              public std::enable_shared_from_this<PiecewiseAnswer> {
 public:
  PiecewiseAnswer(ContextPtr context, WorkerPool& pool, PieceOpener open)
      : context_(std::move(context)), pool_(pool), open_(std::move(open)) {}

  [[nodiscard]] Step step(const Slice& slice) override;

 private:
  [[nodiscard]] Result<void> make(const Slice& slice);
  [[nodiscard]] Step begin();
  [[nodiscard]] Step send();
  [[nodiscard]] Step give_up(Error error);

  const ContextPtr context_;
  WorkerPool& pool_;
  const PieceOpener open_;
  PieceReader read_;
  http::Headers head_;
  std::string made_;  ///< and not written yet, from `written_` on
  std::size_t written_ = 0;
  More more_ = More::yes;
  std::optional<http::BodyWriter> writer_;
  std::atomic<bool> closed_{false};  ///< set by the connection's thread
};

/// The target of a route that answers so.
[[nodiscard]] Sliced piecewise(PieceOpener open);

}  // namespace perdure::api
