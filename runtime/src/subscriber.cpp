// SPDX-License-Identifier: Apache-2.0
#include "subscriber.hpp"

#include <fmt/format.h>

#include <condition_variable>
#include <thread>

#include "fields.hpp"

namespace perdure::runtime {

namespace {

constexpr std::size_t batch_max = 1'000;
/// So that a wake that was missed, or a step of a clock, costs no more than this.
constexpr Milliseconds wait_max{1'000};

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

}  // namespace

Kind subscriber_kind() {
  return kind<Json>(std::string{subscriber_kind_name})
      .command("begin", begin, {.creates = Creates::yes})
      .command("follow", follow)
      .command("advance",
               [](Turn&, Json& self, const Json& payload) { self["cursor"] = payload.at("to"); })
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
  if (const auto handled = state().cursor; handled != saved_) {
    asked_ = handled;
    turn("advance", {{"to", asked_}});
    return true;
  }
  return hand_on();
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
    if (!followed_ && known_ && reply.error().code == ErrorCode::not_found) {
      known_ = false;
      return;
    }
    known_ = true;
    return failed(reply.error());
  }
  if (followed_) {
    saved_ = asked_;
    const std::scoped_lock lock{mutex_};
    state_.failed = 0;
    state_.error.clear();
    return;
  }
  followed_ = true;
  saved_ = reply->value.at("cursor");
  looked_ = saved_;
  const std::scoped_lock lock{mutex_};
  state_ = {.cursor = saved_};
}

bool EventConsumer::hand_on() {
  auto page =
      around_.feed.read({.after = looked_, .topics = options_.topics, .limit = options_.batch_max});
  if (!page) {
    failed(page.error());
    return false;
  }
  if (page->events.empty() && !page->lost) {
    // The durable cursor stays behind: what did not match is looked at again after a restart.
    const bool moved = page->next != std::exchange(looked_, page->next);
    return moved && !page->at_end;
  }
  const auto handled = handle({.events = std::move(page->events), .lost = page->lost});
  if (!handled) {
    failed(handled.error());
    return false;
  }
  looked_ = page->next;
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

  std::mutex mutex_;  // guards the flags
  std::condition_variable woken_;
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
  if (!names.take(options.name)) {
    return fail(ErrorCode::conflict,
                fmt::format("a subscriber is named \"{}\" already", options.name));
  }
  return std::unique_ptr<Subscriber>{std::make_unique<ThreadedSubscriber>(
      std::move(around), names, std::move(options), std::move(handler))};
}

}  // namespace perdure::runtime
