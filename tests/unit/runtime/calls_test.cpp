// SPDX-License-Identifier: Apache-2.0
// Calls whose answers are awaited, by threads and by coroutines: who goes on where, and when nobody
// can.
#include <pthread.h>

#include <array>

#include "calls_fixture.hpp"

namespace perdure {
namespace {

using namespace std::chrono_literals;

struct Other {};

// What the compiler is to refuse, it is asked about.
template <class Name, class Payload>
concept TakesCall = requires(Object<Purse> object, Name name, Payload payload) {
  { object.call(name, payload) } -> std::same_as<Future<std::int64_t>>;
};
template <class Name>
concept TakesAsk = requires(Object<Purse> object, Name name) {
  object.ask(name);
};
template <class Name, class Handler>
concept TakesHandler = requires(KindBuilder<Purse>&& builder, Name name, Handler handler) {
  std::move(builder).command(name, handler);
};
constexpr auto fits = [](Turn&, Purse&, const Coins&) -> Result<std::int64_t> { return 0; };
constexpr auto other_payload = [](Turn&, Purse&, const Other&) -> std::int64_t { return 0; };
constexpr auto other_reply = [](Turn&, Purse&, const Coins&) -> std::string { return ""; };
constexpr auto no_payload = [](Turn&, Purse&) -> std::int64_t { return 0; };
using PutToOther = Command<Other, Coins, std::int64_t>;

static_assert(TakesCall<decltype(put), Coins>);
static_assert(!TakesCall<decltype(put), Other>, "another payload compiles");
static_assert(!TakesCall<decltype(put), std::string>, "another payload compiles");
static_assert(!TakesCall<PutToOther, Coins>, "a command of another kind compiles");
static_assert(!TakesCall<decltype(coins_in), Coins>, "a query is called as a command");
static_assert(TakesAsk<decltype(coins_in)>);
static_assert(!TakesAsk<decltype(has)>, "a query is asked without its payload");
static_assert(!TakesAsk<decltype(empty)>, "a command is asked as a query");
// With a compiler that would destroy the payload twice, a call that is given one by braces is not
// awaited in place.
template <class Awaited>
concept AwaitedInPlace = requires(Awaited awaited) {
  awaited.await_ready();
};
struct Words {
  std::string text;
};
[[maybe_unused]] void to_json(Json& json, const Words& words) { json = words.text; }
constexpr Command<Purse, Words> say{"say"};
static_assert(AwaitedInPlace<decltype(std::declval<Object<Purse>>().call(put, {1}))>);
static_assert(AwaitedInPlace<
              decltype(std::declval<Object<Purse>>().call(say, std::declval<const Words&>()))>);
static_assert(AwaitedInPlace<decltype(std::declval<Object<Purse>>().call(say, {"a"}))> ==
              !detail::breaks_braces_in_co_await);
static_assert(TakesHandler<decltype(put), decltype(fits)>);
static_assert(!TakesHandler<decltype(put), decltype(other_payload)>, "another payload is handled");
static_assert(!TakesHandler<decltype(put), decltype(other_reply)>, "another reply is given");
static_assert(!TakesHandler<decltype(put), decltype(no_payload)>, "a payload is left out");
static_assert(!TakesHandler<PutToOther, decltype(fits)>, "a command of another kind is handled");

std::string thread_name() {
  std::array<char, 16> name{};
  pthread_getname_np(pthread_self(), name.data(), name.size());
  return name.data();
}

/// Calls from a coroutine, and says on which threads it was.
Task<Result<std::int64_t>> visit(Object<Purse> of, std::vector<std::string>& threads) {
  threads.push_back(thread_name());
  PERDURE_CO_TRY(there, co_await of.call(put, {.count = 3}));
  threads.push_back(thread_name());
  PERDURE_CO_TRY_VOID(co_await of.call(take, {.count = 1}));
  PERDURE_CO_TRY(left, co_await of.ask(coins_in));
  threads.push_back(thread_name());
  co_return there * 10 + left;
}

class Calls : public CallsTest {};

TEST_F(Calls, give_a_thread_that_waits_a_value_of_the_declared_type) {
  EXPECT_EQ(purse_of("a").call(put, {.count = 2}).get().value(), 2);
  EXPECT_EQ(purse_of("a").ask(has, {.count = 2}).get().value(), true);
  EXPECT_TRUE(purse_of("a").call(empty).get());
  EXPECT_EQ(purse_of("a").ask(coins_in).get().value(), 0);
  // The same key is the same call.
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(purse_of("b").once("k").call(put, {.count = 5}).get().value(), 5);
  }
  const auto stale = purse_of("b").at(7).call(put, {.count = 5}).get();
  EXPECT_EQ(stale.error().code, ErrorCode::stale_precondition);
  const auto hidden = purse_of("b").as(ann).ask(coins_in).get();
  EXPECT_EQ(hidden.error().code, ErrorCode::not_found);
}

TEST_F(Calls, resume_a_coroutine_on_a_thread_of_their_own_unless_told_otherwise) {
  std::vector<std::string> threads;
  EXPECT_EQ(wait_for(visit(purse_of("a"), threads)).value(), 32);
  ASSERT_EQ(threads.size(), 3U);
  EXPECT_NE(threads[0], "perdure.calls");
  EXPECT_EQ(threads[1], "perdure.calls");
  EXPECT_EQ(threads[2], "perdure.calls");
}

TEST_F(Calls, resume_a_coroutine_on_the_executor_of_its_handle) {
  QueueExecutor queue;
  std::vector<std::string> threads;
  std::optional<Result<std::int64_t>> end;
  start(visit(purse_of("a").on(queue), threads), [&](Result<std::int64_t> value) { end = value; });
  EXPECT_FALSE(end);
  queue.run_until([&] { return end.has_value(); });
  EXPECT_EQ(end->value(), 32);
  EXPECT_EQ(threads, std::vector(3, thread_name()));
}

TEST_F(Calls, resume_a_coroutine_where_a_function_posts_it) {
  QueueExecutor queue;
  ExecutorOf loop{[&](std::function<void()> work) { queue.post(std::move(work)); }};
  std::optional<Result<Reply>> end;
  start(
      [](Runtime& runtime, Executor& executor) -> Task<Result<Reply>> {
        auto reply =
            runtime.call({.target = {"purse", "a"}, .name = "put", .payload = Coins{.count = 4}})
                .on(executor);
        co_return co_await reply;
      }(*runtime_, loop),
      [&](Result<Reply> reply) { end = std::move(reply); });
  queue.run_until([&] { return end.has_value(); });
  EXPECT_EQ((*end)->value, 4);
}

TEST_F(Calls, are_answered_after_their_deadline_although_the_disk_is_not) {
  purse_of("a").call(put, {.count = 1}).wait();
  hooks_.gate.close();
  const auto late = purse_of("a").within(50ms).call(put, {.count = 1}).get();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::outcome_unknown) << "it may be durable";
  EXPECT_EQ(late.error().fields.at(0).pointer, "deadline");
  // It saw what is not durable, so it waits for the disk, too.
  const auto unanswered = purse_of("a").within(50ms).ask(coins_in).get();
  ASSERT_FALSE(unanswered);
  EXPECT_EQ(unanswered.error().code, ErrorCode::deadline_exceeded);
  hooks_.gate.open();
  EXPECT_EQ(purse_of("a").ask(coins_in).get().value(), 2) << "it was carried out";
  EXPECT_TRUE(hooks_.unheard().empty());
}

TEST_F(Calls, have_a_deadline_by_default) {
  auto with = options();
  with.hooks = &hooks_;
  with.call_deadline = 50ms;
  runtime_.reset();
  runtime_ = Runtime::open(std::move(with), kinds_).value();
  purse_of("a").within(no_deadline).call(put, {.count = 1}).wait();
  hooks_.gate.close();
  QueueExecutor queue;
  std::optional<Result<std::int64_t>> end;
  std::vector<std::string> threads;
  start(visit(purse_of("a").on(queue), threads), [&](Result<std::int64_t> value) { end = value; });
  queue.run_until([&] { return end.has_value(); });
  EXPECT_EQ(end->error().code, ErrorCode::outcome_unknown);
  const auto transacted =
      runtime_
          ->transact(std::vector<ObjectId>{{"purse", "b"}},
                     [](Transaction& transaction) {
                       return transaction.call({"purse", "b"}, "put", Coins{.count = 1});
                     })
          .get();
  EXPECT_EQ(transacted.error().code, ErrorCode::outcome_unknown);
}

TEST_F(Calls, that_begin_after_their_deadline_do_nothing) {
  const auto late = purse_of("a").within(0ms).call(put, {.count = 1}).get();
  EXPECT_EQ(late.error().code, ErrorCode::deadline_exceeded);
  EXPECT_EQ(purse_of("a").ask(coins_in).get().value(), 0);
}

TEST_F(Calls, whose_future_is_dropped_are_told_if_they_fail) {
  static_cast<void>(purse_of("a").call(put, {.count = 1}));
  static_cast<void>(purse_of("a").call(take, {.count = 5}));
  const auto asked = purse_of("a").call(take, {.count = 5}).get();
  purse_of("a").call(take, {.count = 5}).ignore();
  {
    auto ready = purse_of("b").call(take, {.count = 5});
    ready.wait();
  }
  EXPECT_TRUE(eventually([&] { return hooks_.unheard().size() == 2; }));
  EXPECT_TRUE(purse_of("a").call(put, {.count = 1}).get());
  auto unheard = hooks_.unheard();
  std::ranges::sort(unheard);
  EXPECT_EQ(unheard,
            (std::vector<std::string>{"purse:a take too_few_coins", "purse:b take too_few_coins"}));
}

TEST_F(Calls, go_on_when_the_frame_that_waits_is_destroyed) {
  QueueExecutor queue;
  bool resumed = false;
  // The frame belongs to the test: nothing else ends it.
  struct Frame {
    struct promise_type {
      Frame get_return_object() {
        return {std::coroutine_handle<promise_type>::from_promise(*this)};
      }
      std::suspend_never initial_suspend() noexcept { return {}; }
      std::suspend_always final_suspend() noexcept { return {}; }
      void return_void() {}
      void unhandled_exception() { std::terminate(); }
    };
    std::coroutine_handle<promise_type> handle;
  };
  const auto waits = [](Object<Purse> of, bool& flag) -> Frame {
    static_cast<void>(co_await of.call(put, {.count = 1}));
    flag = true;
  };
  hooks_.gate.close();
  auto before = waits(purse_of("a").on(queue), resumed);
  before.handle.destroy();  // before it is answered
  auto after = waits(purse_of("b").on(queue), resumed);
  hooks_.gate.open();
  EXPECT_EQ(purse_of("b").ask(coins_in).get().value(), 1);
  after.handle.destroy();  // after it was answered, and before it went on
  EXPECT_EQ(purse_of("a").ask(coins_in).get().value(), 1);
  queue.run();
  EXPECT_FALSE(resumed);
}

TEST_F(Calls, whose_runtime_ends_are_finished_first) {
  std::vector<std::string> threads;
  std::atomic<bool> ended{false};
  start(visit(purse_of("a"), threads), [&](const auto&) { ended = true; });
  auto last = purse_of("b").call(put, {.count = 7});
  runtime_->stop();
  EXPECT_TRUE(ended) << "its coroutines have gone on, too";
  runtime_.reset();
  EXPECT_EQ(last.get().value(), 7);
}

TEST_F(Calls, of_several_objects_are_awaited_as_one) {
  const auto move = [](Runtime& runtime) -> Task<Result<Json>> {
    PERDURE_CO_TRY_VOID(co_await runtime.object(purse, "from").call(put, {.count = 5}));
    const auto handler = [](Transaction& transaction) -> Result<Json> {
      PERDURE_TRY(left, run_step(transaction, purse, "from", take, {.count = 4}));
      PERDURE_TRY(there, run_step(transaction, purse, "to", put, {.count = 4}));
      return Json{left, there};
    };
    // GCC 12 takes no list in braces within co_await.
    const std::vector<ObjectId> both{purse.object("from"), purse.object("to")};
    PERDURE_CO_TRY(reply, co_await runtime.transact(both, handler));
    PERDURE_CO_TRY_VOID(co_await runtime.transact_found(handler));
    co_return reply.value;
  };
  const auto moved = wait_for(move(*runtime_));
  ASSERT_FALSE(moved);
  EXPECT_EQ(too_few.in(moved.error())->coins, 1) << "the second one is refused";
  EXPECT_EQ(purse_of("to").ask(coins_in).get().value(), 4);
  const auto steps = runtime_
                         ->transact(std::vector<TransactionStep>{
                             {.object = purse.object("to"), .command = "empty"}})
                         .get();
  EXPECT_TRUE(steps);
}

TEST_F(Calls, with_a_reply_of_another_type_than_declared_say_so) {
  const auto odd = runtime_->object(KindName<Purse>{"purse"}, "a")
                       .ask(Query<Purse, void, std::string>{"coins"})
                       .get();
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error().code, ErrorCode::internal);
}

}  // namespace
}  // namespace perdure
