// SPDX-License-Identifier: Apache-2.0
#include "app/piecewise_answer.hpp"

#include "app/services.hpp"

namespace perdure::api {

namespace {

constexpr std::size_t slice_bytes = 256u << 10;
constexpr std::size_t piece_bytes = 64u << 10;
constexpr std::size_t queue_bytes_max = 256u << 10;  // `full` is told at half of it
static_assert(queue_bytes_max / 2 + piece_bytes <= queue_bytes_max, "a piece always fits");

}  // namespace

Sliced piecewise(PieceOpener open) {
  return {[open = std::move(open)](ContextPtr context) {
    auto& pool = context->services.slow_work.of(WorkClass::transfer);
    return std::make_shared<PiecewiseAnswer>(std::move(context), pool, open);
  }};
}

Step PiecewiseAnswer::step(const Slice& slice) {
  if (closed_) return Step::done;
  if (written_ == made_.size()) {
    if (auto made = make(slice); !made) return give_up(std::move(made).error());
  }
  return writer_ ? send() : begin();
}

Result<void> PiecewiseAnswer::make(const Slice& slice) {
  made_.clear();
  written_ = 0;
  if (!read_) {
    PERDURE_TRY(read, open_(*context_, head_));
    read_ = std::move(read);
  }
  do {
    PERDURE_TRY(more, read_(made_, piece_bytes));
    more_ = more;
  } while (more_ == More::yes && made_.size() < slice_bytes && !slice.over());
  return {};
}

Step PiecewiseAnswer::begin() {
  http::Response response{.status = context_->route->route.status, .headers = std::move(head_)};
  if (more_ == More::no && made_.size() <= slice_bytes) {
    response.body = std::move(made_);
    answer(*context_, std::move(response));
    return Step::done;
  }
  // The connection outlives neither the server nor this pool, but it may outlive the task.
  const auto wake = [task = weak_from_this(), &pool = pool_] {
    if (const auto self = task.lock()) pool.resume(self);
  };
  writer_ = answer_stream(*context_, std::move(response),
                          {.queue_bytes_max = queue_bytes_max,
                           .on_writable = wake,
                           .on_closed = [task = weak_from_this(), wake](http::StreamEnd) {
                             if (const auto self = task.lock()) self->closed_ = true;
                             wake();
                           }});
  return send();
}

Step PiecewiseAnswer::send() {
  while (written_ < made_.size()) {
    auto room = writer_->write(made_.substr(written_, piece_bytes));
    if (!room) return Step::done;  // the client is gone
    written_ = std::min(written_ + piece_bytes, made_.size());
    if (*room == http::Room::full && (written_ < made_.size() || more_ == More::yes)) {
      return Step::parked;
    }
  }
  if (more_ == More::yes) return Step::again;
  writer_->finish();
  return Step::done;
}

Step PiecewiseAnswer::give_up(Error error) {
  if (!writer_) {
    answer(*context_, std::move(error));
  } else {
    writer_->abort();
  }
  return Step::done;
}

}  // namespace perdure::api
