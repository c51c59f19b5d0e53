// SPDX-License-Identifier: Apache-2.0
// A saga: a journey is a seat, a room and a payment, or nothing of the three. Its flow asks one
// object after the other, and gives back what it has when one of them refuses.
//
//   saga_example DIRECTORY [die]
//
// With `die` the process kills itself once the seat is booked. The next run goes on from there.
#include <chrono>
#include <csignal>
#include <cstdint>
#include <iostream>
#include <string>
#include <thread>

#include "perdure/runtime/runtime.hpp"

namespace {

using perdure::ErrorCode;
using perdure::Json;
using perdure::Result;

bool dies = false;

struct Stock {
  std::int64_t left = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Stock, left)

/// Seats, rooms, and money are all taken and given back in the same way.
perdure::Kind stock_kind() {
  return perdure::kind<Stock>("stock")
      .command("take",
               [](perdure::Turn& turn, Stock& self, std::int64_t count) -> Result<void> {
                 if (dies && turn.object().id == "rooms") static_cast<void>(std::raise(SIGKILL));
                 if (self.left < count) return perdure::fail(ErrorCode::conflict, "too few left");
                 self.left -= count;
                 return {};
               })
      .command("give", [](perdure::Turn&, Stock& self, std::int64_t count) { self.left += count; })
      .query("left", [](const Stock& self) { return self.left; });
}

struct Journey {
  std::string status = "wanted";
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Journey, status)

// [flow]
perdure::Flow<std::string> book(perdure::FlowContext& flow, const Json& journey) {
  struct Part {
    std::string stock;
    std::int64_t count;
  };
  const std::vector<Part> parts{
      {"seats", 1}, {"rooms", 1}, {journey.at("purse"), journey.at("price")}};
  std::string status = "booked";
  std::size_t taken = 0;
  for (; taken < parts.size() && status == "booked"; ++taken) {
    const auto& part = parts[taken];
    const auto got = co_await flow.ask("stock", part.stock, "take", part.count);
    if (!got) status = "no " + part.stock;
  }
  // What was taken before the one that refused goes back.
  for (auto i = status == "booked" ? 0 : taken - 1; i > 0; --i) {
    co_await flow.ask("stock", parts[i - 1].stock, "give", parts[i - 1].count);
  }
  // A flow without a state changes its own object as it changes others.
  co_await flow.ask(flow.object().kind, flow.object().id, "note", status);
  co_return status;
}
// [/flow]

perdure::Kind journey_kind() {
  return perdure::kind<Journey>("journey")
      .command("book", book)
      .command("note", [](perdure::Turn&, Journey& self, const std::string& status) {
        self.status = status;
      });
}

/// Once, however often it is tried; a flow that is on its way is waited for.
Result<perdure::Reply> call_once(perdure::Runtime& runtime, perdure::Call call) {
  call.idempotency_key = call.target.id + "/" + call.name;
  for (;;) {
    auto reply = runtime.call(call).get();
    if (reply || reply.error().code != ErrorCode::outcome_unknown) return reply;
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
}

Result<std::string> run(const std::string& directory) {
  PERDURE_TRY(runtime,
              perdure::Runtime::open({.data_dir = directory}, {stock_kind(), journey_kind()}));
  for (const auto& [stock, count] : {std::pair{"seats", 10}, {"rooms", 10}, {"ann", 100}}) {
    PERDURE_TRY_VOID(
        call_once(*runtime, {.target = {"stock", stock}, .name = "give", .payload = count}));
  }
  for (const auto* journey : {"oslo", "rome"}) {  // ann can pay for one of them
    PERDURE_TRY(reply, call_once(*runtime, {.target = {"journey", journey},
                                            .name = "book",
                                            .payload = {{"purse", "ann"}, {"price", 80}}}));
    std::cout << journey << ": " << reply.value.get<std::string>() << '\n';
  }
  std::string left;
  for (const auto* stock : {"seats", "rooms", "ann"}) {
    PERDURE_TRY(reply, runtime->object("stock", stock).ask("left").get());
    left += std::string{stock} + " " + reply.value.dump() + "  ";
  }
  return left;
}

}  // namespace

int main(int argc, char** argv) {
  dies = argc > 2 && std::string{argv[2]} == "die";
  const auto left = run(argc > 1 ? argv[1] : "data");
  std::cout << (left ? *left : to_string(left.error())) << '\n';
  return left && *left == "seats 9  rooms 9  ann 20  " ? 0 : 1;
}
