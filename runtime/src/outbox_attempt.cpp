// SPDX-License-Identifier: Apache-2.0
#include "outbox_attempt.hpp"

namespace perdure::runtime {

OutboxAttempt::OutboxAttempt(std::shared_ptr<const Sent> sent, Place place,
                             std::shared_ptr<AttemptLink> link)
    : sent_(std::move(sent)), place_(place), link_(std::move(link)) {}

OutboxAttempt::~OutboxAttempt() {
  finish(fail(ErrorCode::internal, "the performer gave no answer"));
}

void OutboxAttempt::on_cancel(std::function<void()> callback) {
  {
    const std::scoped_lock lock{mutex_};
    if (!cancelled_.load()) {
      on_cancel_ = std::move(callback);
      return;
    }
  }
  callback();
}

void OutboxAttempt::tell(std::string command, Json payload) {
  if (cancelled()) return;
  Call call{.target = sent_->from, .name = std::move(command), .payload = std::move(payload)};
  call.life = sent_->from_life;
  call.request_id = sent_->request_id;
  call.traceparent = sent_->traceparent;
  link_->enter([&call](const AttemptLink::Events& events) { events.tell(std::move(call)); });
}

void OutboxAttempt::finish(Result<Json> result) {
  if (finished_.exchange(true)) return;
  link_->enter([this, &result](const AttemptLink::Events& events) {
    events.finished(place_.generation, place_.position, place_.number, std::move(result));
  });
}

void OutboxAttempt::cancel() {
  std::function<void()> callback;
  {
    const std::scoped_lock lock{mutex_};
    if (cancelled_.exchange(true)) return;
    callback = std::move(on_cancel_);
  }
  if (callback) callback();
}

}  // namespace perdure::runtime
