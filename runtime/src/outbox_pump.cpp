// SPDX-License-Identifier: Apache-2.0
#include "outbox_pump.hpp"

#include <fmt/format.h>

#include <atomic>

#include "dead_letter.hpp"

namespace perdure::runtime {

namespace {

/// Items in memory; the others wait on disk.
constexpr std::size_t items_max = 65'536;
constexpr std::size_t rows_at_once = 1'024;
/// What failed for reasons that are not the receiver's (a full queue, a stopped disk) is tried
/// again after this, without counting as an attempt.
constexpr auto busy_wait = std::chrono::milliseconds{100};
/// Before a dead letter that was refused is tried again.
constexpr auto burial_wait = std::chrono::seconds{30};

/// Whether another attempt at an effect could end otherwise.
bool may_try_again(const Error& error) {
  return describe(error.code).retry == Retry::yes || error.code == ErrorCode::internal;
}

}  // namespace

/// One attempt at an effect. The pump knows it as long as its item does; the performer may keep it
/// for longer.
class OutboxPump::Attempt final : public Effect {
 public:
  Attempt(const Item& item, std::uint64_t generation, std::shared_ptr<Link> link)
      : sent_(item.sent),
        position_(item.position),
        number_(item.attempt),
        generation_(generation),
        link_(std::move(link)) {}
  ~Attempt() override { finish(fail(ErrorCode::internal, "the performer gave no answer")); }

  [[nodiscard]] const ObjectId& object() const override { return sent_.from; }
  [[nodiscard]] const std::string& id() const override { return sent_.effect_id; }
  [[nodiscard]] const Json& payload() const override { return sent_.payload; }
  [[nodiscard]] int attempt() const override { return number_; }
  [[nodiscard]] bool cancelled() const override { return cancelled_.load(); }

  void on_cancel(std::function<void()> callback) override {
    {
      const std::scoped_lock lock{mutex_};
      if (!cancelled_.load()) {
        on_cancel_ = std::move(callback);
        return;
      }
    }
    callback();
  }

  void tell(std::string command, Json payload) override {
    if (cancelled()) return;
    Call call{.target = sent_.from, .name = std::move(command), .payload = std::move(payload)};
    call.request_id = sent_.request_id;
    call.traceparent = sent_.traceparent;
    const std::scoped_lock lock{link_->mutex};
    if (link_->pump != nullptr) link_->pump->effects_.tell(std::move(call));
  }

  void finish(Result<Json> result) override {
    if (finished_.exchange(true)) return;
    const std::scoped_lock lock{link_->mutex};
    if (link_->pump == nullptr) return;
    link_->pump->finished_effect(generation_, position_, number_, std::move(result));
  }

  void cancel() {
    std::function<void()> callback;
    {
      const std::scoped_lock lock{mutex_};
      if (cancelled_.exchange(true)) return;
      callback = std::move(on_cancel_);
    }
    if (callback) callback();
  }

 private:
  const Sent sent_;
  const std::uint64_t position_;
  const int number_;
  const std::uint64_t generation_;
  const std::shared_ptr<Link> link_;
  std::atomic<bool> finished_{false};
  std::atomic<bool> cancelled_{false};
  std::mutex mutex_;  // guards on_cancel_
  std::function<void()> on_cancel_;
};

OutboxPump::OutboxPump(const storage::Store& store, const Clock& clock, Random& random,
                       PumpEffects effects)
    : store_(store),
      clock_(clock),
      random_(random),
      effects_(std::move(effects)),
      link_(std::make_shared<Link>()),
      epoch_(store_.epoch()) {
  link_->pump = this;
}

OutboxPump::~OutboxPump() {
  {
    const std::scoped_lock lock{link_->mutex};
    link_->pump = nullptr;
  }
  stop();
}

OutboxPump::Lane OutboxPump::lane_of(const Item& item) {
  const auto& sent = item.sent;
  switch (sent.type) {
    case Sent::Type::message: return {to_string(sent.from), to_string(sent.to)};
    case Sent::Type::effect: return {to_string(sent.from), "effect " + sent.effect_id};
    case Sent::Type::cancel: break;
  }
  return {to_string(sent.from), "cancel " + sent.effect_id};
}

void OutboxPump::arrived(std::uint64_t position, const std::vector<std::string>& bodies) {
  {
    const std::scoped_lock lock{mutex_};
    for (const auto& body : bodies) {
      if (arrivals_.size() >= items_max) {
        more_on_disk_ = true;
        return;
      }
      arrivals_.emplace_back(position++, body);
    }
  }
  effects_.wake();
}

bool OutboxPump::take_arrivals() {
  for (const auto& [position, body] : arrivals_) {
    if (position < next_position_) continue;  // read from the disk before
    // In order and without a gap, or from the disk.
    if (more_on_disk_ || position != next_position_ || items_.size() >= items_max) {
      more_on_disk_ = true;
      break;
    }
    accept(position, body);
  }
  return !std::exchange(arrivals_, {}).empty();
}

void OutboxPump::accept(std::uint64_t position, std::string_view body) {
  next_position_ = position + 1;
  auto sent = decode_sent({position, std::string{body}});
  if (!sent) return;  // damaged: stays on disk
  auto& item = items_.emplace(position, Item{position, std::move(*sent)}).first->second;
  auto& lane = lanes_[lane_of(item)];
  lane.push_back(position);
  if (lane.size() == 1) make_ready(item);
}

bool OutboxPump::read_on() {
  std::uint64_t from = 0;
  {
    const std::scoped_lock lock{mutex_};
    if (!more_on_disk_ || items_.size() > items_max / 2 || stopped_) return false;
    from = next_position_;
  }
  const auto rows = store_.outbox(from, rows_at_once);
  const std::scoped_lock lock{mutex_};
  if (!rows || from != next_position_) return false;
  for (const auto& row : *rows) accept(row.position, row.body);
  // What was committed after the read is among the arrivals.
  if (rows->empty()) more_on_disk_ = false;
  return true;
}

void OutboxPump::make_ready(Item& item) {
  item.status = Item::Status::waiting;
  if (item.sent.type != Sent::Type::effect || item.result) {
    ready_.insert(item.position);
    return;
  }
  auto& performer = performers_[item.sent.performer];
  performer.waiting.insert({item.sent.priority, item.position});
  ready_.insert(item.position);
}

bool OutboxPump::step() {
  bool moved = read_on();
  std::vector<Action> actions;
  {
    const std::scoped_lock lock{mutex_};
    if (stopped_) return false;
    moved |= take_arrivals();
    check_timeouts(clock_.now(), actions);
    for (const auto position : std::exchange(ready_, {})) {
      const auto found = items_.find(position);
      if (found != items_.end()) begin(found->second, actions);
    }
    if (const auto items = items_.size(); items != std::exchange(told_, items)) {
      actions.emplace_back([this, items] { effects_.changed(items); });
    }
  }
  for (const auto& action : actions) action();
  return moved || !actions.empty();
}

void OutboxPump::check_timeouts(Timestamp now, std::vector<Action>& actions) {
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
      --performers_[item.sent.performer].running;
      actions.emplace_back([attempt] { attempt->cancel(); });
      fail_attempt(item, {.code = ErrorCode::deadline_exceeded, .detail = "it took too long"},
                   actions);
    }
  }
}

void OutboxPump::begin(Item& item, std::vector<Action>& actions) {
  if (item.status != Item::Status::waiting) return;
  if (item.result) return hand_over(item, actions);
  switch (item.sent.type) {
    case Sent::Type::message: return begin_message(item, actions);
    case Sent::Type::effect: return begin_effect(item, actions);
    case Sent::Type::cancel: return carry_out_cancel(item, actions);
  }
}

void OutboxPump::begin_message(Item& item, std::vector<Action>& actions) {
  const auto& sent = item.sent;
  item.status = Item::Status::running;
  Call call{.target = sent.to, .name = sent.command, .payload = sent.payload};
  call.owner = sent.owner;
  call.request_id = sent.request_id;
  call.traceparent = sent.traceparent;
  actions.push_back(calling(std::move(call), {.position = item.position,
                                              .epoch = epoch_,
                                              .asker = sent.from,
                                              .then = sent.then,
                                              .context = sent.context}));
}

OutboxPump::Action OutboxPump::calling(Call call, Receipt receipt) {
  return [this, call = std::move(call), receipt = std::move(receipt),
          generation = generation_]() mutable {
    const auto position = receipt.position;
    effects_.call(std::move(call), std::move(receipt),
                  [this, generation, position](const Result<Reply>& reply) {
                    finished_call(generation, position, reply);
                  });
  };
}

void OutboxPump::begin_effect(Item& item, std::vector<Action>& actions) {
  auto& performer = performers_[item.sent.performer];
  if (!performer.options.perform || performer.running >= performer.options.concurrency) return;
  // The best of those that wait, which may be another one.
  const auto best = performer.waiting.begin();
  auto& chosen = items_.at(best->position);
  performer.waiting.erase(best);
  if (&chosen != &item) ready_.insert(item.position);
  ++performer.running;
  chosen.status = Item::Status::running;
  chosen.running = std::make_shared<Attempt>(chosen, generation_, link_);
  if (chosen.sent.timeout.count() > 0) {
    chosen.retry_at = clock_.now() + chosen.sent.timeout;
    sleeping_.emplace(chosen.retry_at, chosen.position);
  }
  actions.emplace_back(
      [perform = performer.options.perform, attempt = chosen.running] { perform(attempt); });
}

void OutboxPump::finished_effect(std::uint64_t generation, std::uint64_t position, int attempt,
                                 Result<Json> result) {
  std::vector<Action> actions;
  std::shared_ptr<Attempt> ended;  // destroyed outside of the lock
  {
    const std::scoped_lock lock{mutex_};
    const auto found = items_.find(position);
    if (generation != generation_ || found == items_.end() || !found->second.running ||
        found->second.attempt != attempt) {
      return;
    }
    auto& item = found->second;
    ended = std::exchange(item.running, nullptr);
    auto& performer = performers_[item.sent.performer];
    --performer.running;
    if (!performer.waiting.empty()) ready_.insert(performer.waiting.begin()->position);
    if (!result && result.error().code == ErrorCode::overloaded) {
      // No attempt was made.
      const Milliseconds wait = result.error().retry_after.value_or(std::chrono::seconds{1});
      back_off(item, result.error(), wait);
    } else if (!result && may_try_again(result.error())) {
      fail_attempt(item, result.error(), actions);
    } else {
      give_result(item, std::move(result), actions);
    }
  }
  for (const auto& action : actions) action();
  effects_.wake();
}

void OutboxPump::give_result(Item& item, Result<Json> result, std::vector<Action>& actions) {
  if (item.sent.then.empty() && !result) return bury(item, result.error(), actions);
  item.result = std::move(result);
  item.attempt = 1;  // from now on at handing it over
  hand_over(item, actions);
}

void OutboxPump::hand_over(Item& item, std::vector<Action>& actions) {
  item.status = Item::Status::running;
  const auto& sent = item.sent;
  Call call{.target = sent.from};
  call.request_id = sent.request_id;
  call.traceparent = sent.traceparent;
  if (sent.then.empty()) {
    call.name = builtin::take;
  } else {
    call.name = sent.then;
    call.payload = answer_payload(sent.context, *item.result);
  }
  // The result is durable when its turn is: a crash before that means the effect is done again.
  actions.push_back(calling(std::move(call), {.position = item.position, .epoch = epoch_}));
}

void OutboxPump::carry_out_cancel(Item& item, std::vector<Action>& actions) {
  const auto lane = lanes_.find({to_string(item.sent.from), "effect " + item.sent.effect_id});
  if (lane != lanes_.end()) {
    auto& effect = items_.at(lane->second.front());
    if (!effect.result) {
      auto& performer = performers_[effect.sent.performer];
      performer.waiting.erase({effect.sent.priority, effect.position});
      if (const auto attempt = std::exchange(effect.running, nullptr)) {
        --performer.running;
        actions.emplace_back([attempt] { attempt->cancel(); });
      }
      give_result(effect, fail(ErrorCode::conflict, "cancelled"), actions);
    }
  }
  item.status = Item::Status::running;
  actions.push_back(calling({.target = item.sent.from, .name = std::string{builtin::take}},
                            {.position = item.position, .epoch = epoch_}));
}

void OutboxPump::finished_call(std::uint64_t generation, std::uint64_t position,
                               const Result<Reply>& reply) {
  std::vector<Action> actions;
  {
    const std::scoped_lock lock{mutex_};
    const auto found = items_.find(position);
    if (generation != generation_ || found == items_.end()) return;
    auto& item = found->second;
    if (reply) {
      remove(position);
    } else if (is_busy(reply.error())) {
      back_off(item, reply.error(), busy_wait);
    } else if (const auto rows = store_.outbox(position, 1);
               rows && (rows->empty() || rows->front().position != position)) {
      remove(position);  // taken before
    } else {
      fail_attempt(item, reply.error(), actions);
    }
  }
  for (const auto& action : actions) action();
  effects_.wake();
}

void OutboxPump::fail_attempt(Item& item, const Error& error, std::vector<Action>& actions) {
  if (std::exchange(item.buried, false)) return back_off(item, error, burial_wait);
  if (item.attempt < item.sent.retry.attempts) {
    auto wait = item.sent.retry.wait_after(item.attempt, random_);
    // Who was asked knows best when to come again.
    if (error.retry_after) wait = std::max<Milliseconds>(wait, *error.retry_after);
    ++item.attempt;
    return back_off(item, error, wait);
  }
  if (item.sent.type == Sent::Type::effect && !item.result && !item.sent.then.empty()) {
    return give_result(item, fail(error), actions);
  }
  bury(item, error, actions);
}

void OutboxPump::back_off(Item& item, const Error& error, Milliseconds wait) {
  item.status = Item::Status::backing_off;
  item.error = error.detail;
  item.retry_at = clock_.now() + wait;
  sleeping_.emplace(item.retry_at, item.position);
}

void OutboxPump::bury(Item& item, const Error& error, std::vector<Action>& actions) {
  item.status = Item::Status::running;
  item.buried = true;
  Call call{.target = {std::string{dead_letter_kind_name}, make_uuid_v7(clock_.now(), random_)},
            .name = "record",
            .payload = dead_letter_of(item.sent, item.attempt, error)};
  call.owner = item.sent.owner;
  call.request_id = item.sent.request_id;
  // The letter's first record takes the item: one or the other is there, always.
  actions.push_back(calling(std::move(call), {.position = item.position, .epoch = epoch_}));
}

void OutboxPump::remove(std::uint64_t position) {
  const auto found = items_.find(position);
  const auto lane = lanes_.find(lane_of(found->second));
  items_.erase(found);
  lane->second.pop_front();
  if (lane->second.empty()) {
    lanes_.erase(lane);
  } else {
    make_ready(items_.at(lane->second.front()));
  }
}

void OutboxPump::set_performer(std::string name, PerformerOptions options) {
  {
    const std::scoped_lock lock{mutex_};
    auto& performer = performers_[std::move(name)];
    performer.options = std::move(options);
    for (const auto& waiting : performer.waiting) ready_.insert(waiting.position);
  }
  effects_.wake();
}

std::optional<Timestamp> OutboxPump::next() const {
  const std::scoped_lock lock{mutex_};
  if (stopped_) return {};
  if (!ready_.empty() || !arrivals_.empty() || (more_on_disk_ && items_.size() <= items_max / 2))
    return clock_.now();
  if (sleeping_.empty()) return {};
  return sleeping_.begin()->first;
}

void OutboxPump::reset() {
  std::vector<std::shared_ptr<Attempt>> running;
  {
    const std::scoped_lock lock{mutex_};
    for (auto& [position, item] : items_) {
      if (item.running) running.push_back(std::move(item.running));
    }
    items_.clear();
    arrivals_.clear();
    lanes_.clear();
    ready_.clear();
    sleeping_.clear();
    for (auto& [name, performer] : performers_) {
      performer.running = 0;
      performer.waiting.clear();
    }
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
