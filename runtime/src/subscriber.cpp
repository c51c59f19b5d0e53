// SPDX-License-Identifier: Apache-2.0
#include "subscriber.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <thread>

#include "fields.hpp"

namespace perdure::runtime {

namespace {

constexpr std::size_t batch_max = 1'000;
/// So that a wake that was missed, or a step of a clock, costs no more than this.
constexpr Milliseconds wait_max{1'000};
/// What was looked at since the cursor was saved, and was not to be handed on: a restart looks at
/// no more than this again.
constexpr std::uint64_t unsaved_events_max = 4'096;
constexpr Milliseconds unsaved_max{60'000};

ObjectId cursor_object(const std::string& name) {
  return {std::string{subscriber_kind_name}, name};
}

Json begin(Turn&, Json& self, const Json& payload) {
  self = {{"topics", payload.at("topics")}, {"cursor", payload.at("from")}};
  return self;
}

Json follow(Turn& turn, Json& self, const Json& payload) {
  if (self.value("topics", Json()) == payload.at("topics")) {
    turn.change_nothing();
  } else {
    self["topics"] = payload.at("topics");
  }
  return self;
}

/// Of a state that an operator writes.
std::vector<FieldError> check_cursor(const Json& state) {
  const auto is_text = [](const Json& value) { return value.is_string(); };
  const bool fits = state.is_object() && state.contains("cursor") && is_text(state["cursor"]) &&
                    state.contains("topics") && state["topics"].is_array() &&
                    std::ranges::all_of(state["topics"], is_text);
  if (fits) return {};
  return {{"", "format", "is {topics, cursor}: a list of texts, and a text"}};
}

Result<void> check(EventFeed& feed, const SubscriberOptions& options) {
  if (!validate(cursor_object(options.name))) {
    return bad_member("/name", "format", "is not what an object can be called");
  }
  if (options.batch_max < 1 || options.batch_max > batch_max) {
    return bad_member("/batch_max", "range", fmt::format("is from 1 to {}", batch_max));
  }
  auto readable = feed.read({.after = options.from, .topics = options.topics, .limit = 0});
  if (readable) return {};
  auto error = std::move(readable).error();
  for (auto& field : error.fields) {
    if (field.pointer == "/after") field.pointer = "/from";
  }
  return fail(std::move(error));
}

Unexpected is_taken(const std::string& name) {
  return fail(ErrorCode::conflict, fmt::format("a subscriber is named \"{}\" already", name));
}

}  // namespace

Kind subscriber_kind() {
  return kind<Json>(std::string{subscriber_kind_name})
      .command("begin", begin, {.creates = Creates::yes, .callers = Callers::messages})
      .command("follow", follow, {.callers = Callers::messages})
      .command("advance",
               [](Turn&, Json& self, const Json& payload) { self["cursor"] = payload.at("to"); },
               {.callers = Callers::messages})
      .check_state(check_cursor)
      .index({.name = "created_at", .fields = {"$created_at"}});
}

EventConsumer::EventConsumer(Surroundings around, SubscriberOptions options, EventHandler handler)
    : around_(std::move(around)), options_(std::move(options)), handler_(std::move(handler)) {}

bool EventConsumer::settled() const {
  const std::scoped_lock lock{mutex_};
  return !in_flight_;
}

Subscriber::State EventConsumer::state() const {
  const std::scoped_lock lock{mutex_};
  return state_;
}

bool EventConsumer::step() {
  std::optional<Result<Reply>> reply;
  {
    const std::scoped_lock lock{mutex_};
    if (in_flight_) return false;
    reply.swap(reply_);
  }
  if (reply) answered(std::move(*reply));
  if (again_at_ && around_.clock.monotonic() < *again_at_) return false;
  again_at_.reset();
  if (!followed_) {
    auto from = options_.from.empty() ? around_.feed.end() : Result<std::string>{options_.from};
    if (!from) {
      failed(from.error());
      return false;
    }
    turn(known_ ? "follow" : "begin", {{"topics", options_.topics}, {"from", std::move(*from)}});
    return true;
  }
  if (is_to_be_saved()) {
    asked_ = state().cursor;
    turn("advance", {{"to", asked_}});
    return true;
  }
  return hand_on();
}

bool EventConsumer::is_to_be_saved() const {
  if (handed_on_) return true;
  const auto looked = state().cursor;
  if (looked == saved_) return false;
  return !names_place(saved_) || around_.clock.monotonic() - saved_at_ >= unsaved_max ||
         position_of(looked) >= position_of(saved_) + unsaved_events_max;
}

void EventConsumer::turn(std::string command, Json payload) {
  {
    const std::scoped_lock lock{mutex_};
    in_flight_ = true;
  }
  around_.call({.target = cursor_object(options_.name),
                .name = std::move(command),
                .payload = std::move(payload)},
               [this](Result<Reply> reply) {
                 // Under the lock, so that nobody who sees it settled ends this before its end.
                 const std::scoped_lock lock{mutex_};
                 reply_ = std::move(reply);
                 in_flight_ = false;
                 around_.wake();
               });
}

void EventConsumer::answered(Result<Reply> reply) {
  if (!reply) {
    // Never there, or an operator has removed it.
    if (known_ && reply.error().code == ErrorCode::not_found) {
      known_ = false;
      followed_ = false;
      return;
    }
    known_ = true;
    return failed(reply.error());
  }
  saved_at_ = around_.clock.monotonic();
  handed_on_ = false;
  known_ = true;
  if (followed_) {
    saved_ = asked_;
    const std::scoped_lock lock{mutex_};
    state_.failed = 0;
    state_.error.clear();
    return;
  }
  followed_ = true;
  saved_ = reply->value.at("cursor");
  const std::scoped_lock lock{mutex_};
  state_ = {.cursor = saved_};
}

bool EventConsumer::hand_on() {
  const auto looked = state().cursor;
  auto page =
      around_.feed.read({.after = looked, .topics = options_.topics, .limit = options_.batch_max});
  if (!page) {
    failed(page.error());
    return false;
  }
  if (page->events.empty() && !page->lost) {
    const std::scoped_lock lock{mutex_};
    state_.cursor = page->next;
    return page->next != looked && !page->at_end;
  }
  const auto handled = handle({.events = std::move(page->events), .lost = page->lost});
  if (!handled) {
    failed(handled.error());
    return false;
  }
  handed_on_ = true;
  const std::scoped_lock lock{mutex_};
  state_ = {.cursor = page->next};
  return true;
}

Result<void> EventConsumer::handle(const EventBatch& batch) const {
  try {
    return handler_(batch);
  } catch (const std::exception& thrown) {
    return fail(ErrorCode::internal, fmt::format("the handler threw: {}", thrown.what()));
  } catch (...) {
    return fail(ErrorCode::internal, "the handler threw");
  }
}

void EventConsumer::failed(const Error& error) {
  const std::scoped_lock lock{mutex_};
  ++state_.failed;
  state_.error = to_string(error);
  again_at_ = around_.clock.monotonic() + options_.retry.wait_after(state_.failed, around_.random);
}

// ------------------------------------------------------------------------------ without a thread

struct SteppedSubscribers::One {
  One(EventConsumer::Surroundings around, SubscriberOptions options, EventHandler handler)
      : name(options.name), consumer(std::move(around), std::move(options), std::move(handler)) {}

  const std::string name;
  EventConsumer consumer;
  bool wanted = true;
};

Result<std::unique_ptr<Subscriber>> SteppedSubscribers::subscribe(
    EventConsumer::Surroundings around, SubscriberOptions options, EventHandler handler) {
  class Handle final : public Subscriber {
   public:
    explicit Handle(std::shared_ptr<One> one) : one_(std::move(one)) {}
    ~Handle() override { one_->wanted = false; }
    [[nodiscard]] State state() const override { return one_->consumer.state(); }

   private:
    const std::shared_ptr<One> one_;
  };

  PERDURE_TRY_VOID(check(around.feed, options));
  const auto has_its_name = [&](const auto& one) {
    return one->wanted && one->name == options.name;
  };
  if (std::ranges::any_of(all_, has_its_name)) return is_taken(options.name);
  all_.push_back(std::make_shared<One>(std::move(around), std::move(options), std::move(handler)));
  return std::unique_ptr<Subscriber>{std::make_unique<Handle>(all_.back())};
}

bool SteppedSubscribers::step() {
  std::erase_if(all_, [](const auto& one) { return !one->wanted && one->consumer.settled(); });
  bool moved = false;
  for (std::size_t i = 0; i < all_.size(); ++i) {  // a handler may subscribe another one
    const auto one = all_[i];
    if (one->wanted) moved |= one->consumer.step();
  }
  return moved;
}

std::optional<Milliseconds> SteppedSubscribers::again_at() const {
  std::optional<Milliseconds> first;
  for (const auto& one : all_) {
    const auto at = one->wanted ? one->consumer.again_at() : std::nullopt;
    if (at) first = std::min(first.value_or(*at), *at);
  }
  return first;
}

// --------------------------------------------------------------------------------- with a thread

bool SubscriberNames::take(const std::string& name) {
  const std::scoped_lock lock{mutex_};
  return names_.insert(name).second;
}

void SubscriberNames::give_back(const std::string& name) {
  const std::scoped_lock lock{mutex_};
  names_.erase(name);
}

namespace {

class ThreadedSubscriber final : public Subscriber {
 public:
  ThreadedSubscriber(EventConsumer::Surroundings around, SubscriberNames& names,
                     SubscriberOptions options, EventHandler handler)
      : names_(names),
        name_(options.name),
        clock_(around.clock),
        consumer_(woken_by(std::move(around)), std::move(options), std::move(handler)),
        watch_(around.feed.watch([this] { wake(); })),
        thread_([this] { run(); }) {}

  ~ThreadedSubscriber() override {
    {
      const std::scoped_lock lock{mutex_};
      stopping_ = true;
      awake_ = true;
    }
    woken_.notify_one();
    thread_.join();
    watch_.reset();
    names_.give_back(name_);
  }

  [[nodiscard]] State state() const override { return consumer_.state(); }

 private:
  EventConsumer::Surroundings woken_by(EventConsumer::Surroundings around) {
    around.wake = [this] { wake(); };
    return around;
  }

  void wake() {
    const std::scoped_lock lock{mutex_};
    awake_ = true;
    woken_.notify_one();
  }

  void run() {
    for (;;) {
      bool stopping = false;
      {
        const std::scoped_lock lock{mutex_};
        awake_ = false;
        stopping = stopping_;
      }
      if (stopping && consumer_.settled()) return;
      if (!stopping && consumer_.step()) continue;
      auto wait = wait_max;
      if (const auto at = consumer_.again_at()) wait = std::min(wait, *at - clock_.monotonic());
      std::unique_lock lock{mutex_};
      woken_.wait_for(lock, std::max(wait, Milliseconds{1}), [this] { return awake_; });
    }
  }

  SubscriberNames& names_;
  const std::string name_;
  const Clock& clock_;

  WatchedMutex mutex_;  // guards the flags
  std::condition_variable_any woken_;
  bool awake_ = false;
  bool stopping_ = false;

  EventConsumer consumer_;
  std::unique_ptr<EventWatch> watch_;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Subscriber>> subscribe(EventConsumer::Surroundings around,
                                              SubscriberNames& names, SubscriberOptions options,
                                              EventHandler handler) {
  PERDURE_TRY_VOID(check(around.feed, options));
  if (!names.take(options.name)) return is_taken(options.name);
  return std::unique_ptr<Subscriber>{std::make_unique<ThreadedSubscriber>(
      std::move(around), names, std::move(options), std::move(handler))};
}

}  // namespace perdure::runtime
