// SPDX-License-Identifier: Apache-2.0
#include "outbox_pump.hpp"

#include "dead_letter.hpp"
#include "record.hpp"

namespace perdure::runtime {

namespace {

/// What failed for reasons that are not the receiver's (a full queue, a stopped disk) is tried
/// again after this, without counting as an attempt.
constexpr auto busy_wait = std::chrono::milliseconds{100};
/// Before a dead letter that was refused is tried again.
constexpr auto burial_wait = std::chrono::seconds{30};

}  // namespace

OutboxPump::OutboxPump(const storage::Store& store, const Clock& clock, Random& random,
                       PumpEffects effects)
    : store_(store),
      clock_(clock),
      random_(random),
      effects_(std::move(effects)),
      link_(std::make_shared<AttemptLink>(AttemptLink::Events{
          .finished =
              [this](std::uint64_t generation, std::uint64_t position, int attempt,
                     Result<Json> result) {
                finished_effect(generation, position, attempt, std::move(result));
              },
          .tell = effects_.tell})),
      epoch_(store_.epoch()) {}

OutboxPump::~OutboxPump() {
  link_->close();
  stop();
}

void OutboxPump::make_ready(Item& item) {
  item.status = Item::Status::waiting;
  if (item.result || item.sent->type == Sent::Type::cancel) {
    ready_.insert(item.position);
  } else if (item.sent->type == Sent::Type::effect) {
    line_of(item).wait(item.owner, waiting_of(item));
  } else {
    // Items in memory have a bound, so the queue needs none.
    static_cast<void>(messages_.push(item.owner, std::uint64_t{item.position}));
  }
}

PerformerLine& OutboxPump::line_of(const Item& item) { return performers_[item.sent->performer]; }

PerformerLine::Waiting OutboxPump::waiting_of(const Item& item) {
  return {item.sent->priority, item.position};
}

bool OutboxPump::step() {
  bool moved = read_on();
  moved |= take_arrivals();
  std::vector<Action> actions;
  {
    const std::scoped_lock lock{mutex_};
    if (stopped_) return false;
    check_timeouts(clock_.monotonic(), actions);
    for (const auto position : std::exchange(ready_, {})) {
      const auto found = items_.find(position);
      if (found != items_.end()) begin(found->second, actions);
    }
    begin_messages(actions);
    begin_effects(actions);
    if (const auto items = items_.size(); items != std::exchange(told_, items)) {
      actions.emplace_back([this, items] { effects_.changed(items); });
    }
  }
  for (const auto& action : actions) action();
  return moved || !actions.empty();
}

void OutboxPump::check_timeouts(Milliseconds now, std::vector<Action>& actions) {
  while (!sleeping_.empty() && sleeping_.begin()->first <= now) {
    const auto position = sleeping_.begin()->second;
    sleeping_.erase(sleeping_.begin());
    const auto found = items_.find(position);
    if (found == items_.end()) continue;
    auto& item = found->second;
    if (item.status == Item::Status::backing_off && item.retry_at <= now) {
      make_ready(item);
    } else if (item.running && item.retry_at <= now) {
      const auto attempt = std::exchange(item.running, nullptr);
      line_of(item).end(item.owner);
      actions.emplace_back([attempt] { attempt->cancel(); });
      follow(after_failure(tried(item)), item,
             {.code = ErrorCode::deadline_exceeded, .detail = "it took too long"}, actions);
    }
  }
}

void OutboxPump::begin(Item& item, std::vector<Action>& actions) {
  if (item.status != Item::Status::waiting) return;
  if (item.result) return hand_over(item, actions);
  carry_out_cancel(item, actions);
}

void OutboxPump::begin_messages(std::vector<Action>& actions) {
  while (const auto next = messages_.take()) {
    auto& item = items_.at(next->item);
    item.has_turn = true;
    begin_message(item, actions);
  }
}

void OutboxPump::begin_message(Item& item, std::vector<Action>& actions) {
  const auto& sent = *item.sent;
  item.status = Item::Status::running;
  Call call{.target = sent.to, .name = sent.command, .payload = sent.payload};
  call.owner = sent.owner;
  call.life = sent.to_life;
  call.request_id = sent.request_id;
  call.traceparent = sent.traceparent;
  actions.push_back(calling(std::move(call), {.position = item.position,
                                              .epoch = epoch_,
                                              .asker = sent.from,
                                              .asker_life = sent.from_life,
                                              .then = sent.then,
                                              .context = sent.context}));
}

void OutboxPump::end_turn(Item& item) {
  if (!std::exchange(item.has_turn, false)) return;
  messages_.finish(item.owner, 1);
}

OutboxPump::Action OutboxPump::calling(Call call, Receipt receipt, Complete complete) {
  return [this, call = std::move(call), receipt = std::move(receipt),
          complete = std::move(complete), generation = generation_]() mutable {
    const auto position = receipt.position;
    if (complete) {
      if (auto done = complete(call); !done) {
        return finished_call(generation, position, fail(std::move(done).error()));
      }
    }
    effects_.call(std::move(call), std::move(receipt),
                  [this, generation, position](const Result<Reply>& reply) {
                    finished_call(generation, position, reply);
                  });
  };
}

void OutboxPump::begin_effects(std::vector<Action>& actions) {
  for (auto& [name, line] : performers_) {
    while (const auto position = line.begin()) {
      auto& item = items_.at(*position);
      item.status = Item::Status::running;
      item.running = std::make_shared<OutboxAttempt>(
          item.sent,
          OutboxAttempt::Place{
              .generation = generation_, .position = item.position, .number = item.attempt},
          link_);
      if (item.sent->timeout.count() > 0) {
        item.retry_at = clock_.monotonic() + item.sent->timeout;
        sleeping_.emplace(item.retry_at, item.position);
      }
      actions.emplace_back(
          [perform = line.perform(), attempt = item.running] { perform(attempt); });
    }
  }
}

void OutboxPump::finished_effect(std::uint64_t generation, std::uint64_t position, int attempt,
                                 Result<Json> result) {
  std::vector<Action> actions;
  std::shared_ptr<OutboxAttempt> ended;  // destroyed outside of the lock
  const auto bytes = result ? serialized_size(*result, results_bytes_max) : 0;
  {
    const std::scoped_lock lock{mutex_};
    const auto found = items_.find(position);
    if (generation != generation_ || found == items_.end() || !found->second.running ||
        found->second.attempt != attempt) {
      return;
    }
    auto& item = found->second;
    ended = std::exchange(item.running, nullptr);
    line_of(item).end(item.owner);
    if (!results_room_.take(item.owner, bytes)) {
      result = fail(Error{.code = ErrorCode::overloaded, .detail = "too many results wait"});
    } else {
      item.result_bytes = bytes;
    }
    const auto end = after_effect(tried(item), result);
    if (end == AttemptEnd::handing_over) {
      give_result(item, std::move(result), actions);
    } else {
      follow(end, item, result.error(), actions);
    }
  }
  for (const auto& action : actions) action();
  effects_.wake();
}

void OutboxPump::give_result(Item& item, Result<Json> result, std::vector<Action>& actions) {
  item.result = std::move(result);
  item.attempt = 1;  // from now on at handing it over
  hand_over(item, actions);
}

void OutboxPump::hand_over(Item& item, std::vector<Action>& actions) {
  item.status = Item::Status::running;
  const auto& sent = *item.sent;
  Call call{.target = sent.from};
  call.request_id = sent.request_id;
  call.traceparent = sent.traceparent;
  if (sent.then.empty()) {
    call.name = builtin::take;
  } else {
    call.name = sent.then;
    call.life = sent.from_life;
    call.payload = answer_payload(sent.context, *item.result);
  }
  // The result is durable when its turn is: a crash before that means the effect is done again.
  actions.push_back(calling(std::move(call), {.position = item.position, .epoch = epoch_}));
}

void OutboxPump::carry_out_cancel(Item& item, std::vector<Action>& actions) {
  if (const auto first = lanes_.first(Lanes::of_effect(item.sent->from, item.sent->effect_id))) {
    auto& effect = items_.at(*first);
    if (!effect.result) {
      auto& line = line_of(effect);
      line.leave(effect.owner, waiting_of(effect));
      if (const auto attempt = std::exchange(effect.running, nullptr)) {
        line.end(effect.owner);
        actions.emplace_back([attempt] { attempt->cancel(); });
      }
      const Error cancelled{.code = ErrorCode::conflict, .detail = "cancelled"};
      const bool is_asked = !effect.sent->then.empty();
      follow(is_asked ? AttemptEnd::handing_over : AttemptEnd::burial, effect, cancelled, actions);
    }
  }
  item.status = Item::Status::running;
  actions.push_back(calling({.target = item.sent->from, .name = std::string{builtin::take}},
                            {.position = item.position, .epoch = epoch_}));
}

void OutboxPump::finished_call(std::uint64_t generation, std::uint64_t position,
                               const Result<Reply>& reply) {
  // The store is asked without the lock; nobody else ends the call of this item meanwhile.
  const bool was_taken = !reply && !is_busy(reply.error()) && !is_durable(position);
  std::vector<Action> actions;
  {
    const std::scoped_lock lock{mutex_};
    const auto found = items_.find(position);
    if (generation != generation_ || found == items_.end()) return;
    auto& item = found->second;
    end_turn(item);
    if (const auto end = after_call(tried(item), reply, was_taken); end == AttemptEnd::removal) {
      remove(position);
    } else {
      follow(end, item, reply.error(), actions);
    }
  }
  for (const auto& action : actions) action();
  effects_.wake();
}

bool OutboxPump::is_durable(std::uint64_t position) const {
  const auto rows = store_.outbox(position, 1);
  return !rows || (!rows->empty() && rows->front().position == position);
}

Tried OutboxPump::tried(const Item& item) {
  return {.is_effect = item.sent->type == Sent::Type::effect,
          .is_asked = !item.sent->then.empty(),
          .has_result = item.result.has_value(),
          .is_buried = item.buried,
          .attempt = item.attempt,
          .attempts_max = item.sent->retry.attempts};
}

void OutboxPump::follow(AttemptEnd end, Item& item, const Error& error,
                        std::vector<Action>& actions) {
  switch (end) {
    case AttemptEnd::removal: return remove(item.position);
    case AttemptEnd::same_again: {
      const bool was_performed =
          item.sent->type == Sent::Type::effect && !item.result && !item.buried;
      const Milliseconds full = error.retry_after.value_or(std::chrono::seconds{1});
      return back_off(item, error, was_performed ? full : busy_wait);
    }
    case AttemptEnd::next_attempt: {
      const auto wait = item.sent->retry.wait_after(item.attempt, random_, error.retry_after);
      ++item.attempt;
      return back_off(item, error, wait);
    }
    case AttemptEnd::handing_over: return give_result(item, fail(error), actions);
    case AttemptEnd::burial: return bury(item, error, actions);
    case AttemptEnd::burial_again: item.buried = false; return back_off(item, error, burial_wait);
  }
}

void OutboxPump::back_off(Item& item, const Error& error, Milliseconds wait) {
  item.status = Item::Status::backing_off;
  item.error = error.detail;
  item.retry_at = clock_.monotonic() + wait;
  sleeping_.emplace(item.retry_at, item.position);
}

void OutboxPump::bury(Item& item, const Error& error, std::vector<Action>& actions) {
  item.status = Item::Status::running;
  item.buried = true;
  Call call{.target = {std::string{dead_letter_kind_name}, make_uuid_v7(clock_.now(), random_)},
            .name = "record",
            .payload = dead_letter_of(*item.sent, item.attempt, error)};
  call.owner = item.sent->owner;
  call.request_id = item.sent->request_id;
  const bool names_life = item.sent->type != Sent::Type::message || item.sent->to_life != 0;
  Complete complete;
  if (!names_life) {
    complete = [this, sent = item.sent](Call& record) -> Result<void> {
      PERDURE_TRY(life, life_now(sent->to));
      if (life != 0) record.payload["life"] = life;
      return {};
    };
  }
  // The letter's first record takes the item: one or the other is there, always.
  actions.push_back(
      calling(std::move(call), {.position = item.position, .epoch = epoch_}, std::move(complete)));
}

Result<Seq> OutboxPump::life_now(const ObjectId& object) const {
  const auto row = store_.last_record(object);
  // A letter without a life would be for whatever life there is when it is driven again. Nothing
  // is, in an object that is damaged.
  if (!row && row.error().code != ErrorCode::corrupt) return fail(row.error());
  if (!row || !*row) return Seq{0};
  const auto record = decode_record(object, **row);
  return record ? record->meta.origin->born_seq : Seq{0};
}

void OutboxPump::remove(std::uint64_t position) {
  const auto found = items_.find(position);
  const auto lane = Lanes::of(*found->second.sent);
  let_go(found->second);
  items_.erase(found);
  if (const auto next = lanes_.leave(lane)) make_ready(items_.at(*next));
}

void OutboxPump::set_performer(std::string name, Performer perform, Concurrency concurrency) {
  {
    const std::scoped_lock lock{mutex_};
    performers_[std::move(name)].open(std::move(perform), concurrency);
  }
  effects_.wake();
}

std::optional<Milliseconds> OutboxPump::next() const {
  const std::scoped_lock lock{mutex_};
  if (stopped_) return {};
  if (!ready_.empty() || !arrivals_.empty() || has_to_read()) return clock_.monotonic();
  if (sleeping_.empty()) return {};
  return sleeping_.begin()->first;
}

void OutboxPump::reset() {
  std::vector<std::shared_ptr<OutboxAttempt>> running;
  {
    const std::scoped_lock lock{mutex_};
    for (auto& [position, item] : items_) {
      if (item.running) running.push_back(std::move(item.running));
    }
    items_.clear();
    arrivals_.clear();
    arrivals_bytes_ = 0;
    behind_.clear();
    items_room_.clear();
    bytes_room_.clear();
    results_room_.clear();
    messages_ = new_messages();
    lanes_.clear();
    ready_.clear();
    sleeping_.clear();
    for (auto& [name, line] : performers_) line.clear();
    next_position_ = 1;
    more_on_disk_ = true;
    ++generation_;
    epoch_ = store_.epoch();
  }
  for (const auto& attempt : running) attempt->cancel();
}

void OutboxPump::stop() {
  {
    const std::scoped_lock lock{mutex_};
    if (std::exchange(stopped_, true)) return;
  }
  reset();
}

}  // namespace perdure::runtime
