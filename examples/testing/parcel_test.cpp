// SPDX-License-Identifier: Apache-2.0
// Testing a kind of one's own: a parcel that is sent back when nobody picks it up, by an alarm and
// a message. First told step by step, then by seeds, under everything that can go wrong.
#include <iostream>
#include <map>

#include "perdure/testing/simulation.hpp"

namespace {

namespace testing = perdure::testing;
using perdure::Json;
using perdure::Kind;
using perdure::Turn;

// ---------------------------------------------------------------- what is to be tested

constexpr auto patience = std::chrono::hours{24 * 7};

struct Parcel {
  std::string status = "new";  // waiting, picked_up, returned
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Parcel, status)

struct Sender {
  std::map<std::string, int> came_back;  // by parcel
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Sender, came_back)

Kind parcel_kind() {
  return perdure::kind<Parcel>("parcel")
      .command("post",
               [](Turn& turn, Parcel& self, const std::string& sender) {
                 self.status = "waiting";
                 turn.set_alarm({.name = "send_back",
                                 .command = "send_back",
                                 .payload = sender,
                                 .schedule = perdure::Schedule::in(patience)});
               })
      .command("pick_up",
               [](Turn& turn, Parcel& self) {
                 if (self.status == "waiting") {
                   self.status = "picked_up";
                   turn.cancel_alarm("send_back");
                 }
                 return self.status;
               })
      .command(
          "send_back",
          [](Turn& turn, Parcel& self, const std::string& sender) {
            self.status = "returned";
            turn.send(
                {.to = {"sender", sender}, .command = "take_back", .payload = turn.object().id});
          })
      .query("status", [](const Parcel& self) { return self.status; });
}

Kind sender_kind() {
  return perdure::kind<Sender>("sender").command(
      "take_back",
      [](Turn&, Sender& self, const std::string& parcel) { ++self.came_back[parcel]; });
}

// ---------------------------------------------------------------- step by step

int failures = 0;

void expect(bool holds, const char* what) {
  if (holds) return;
  ++failures;
  std::cerr << "failed: " << what << '\n';
}

// [story]
void a_parcel_comes_back_after_a_week() {
  testing::World world{1, {parcel_kind(), sender_kind()}};
  expect(world.call("parcel/p1", "post", "ann").has_value(), "a parcel can be posted");

  world.hibernate_one();  // it leaves memory,
  world.crash();          // and the machine stops and starts again
  world.advance(std::chrono::hours{24 * 7 - 1});
  expect(world.ask("parcel/p1", "status")->value == "waiting", "a week is not over");

  world.fail_disk();  // the commit of its alarm meets a disk that fails,
  world.advance(std::chrono::hours{2});
  world.crash();  // and somebody starts the server again
  world.advance(std::chrono::minutes{1});
  expect(world.ask("parcel/p1", "status")->value == "returned", "it has gone back");
  expect(world.state("sender/ann")->at("came_back").at("p1") == 1, "and has come once");
  world.check_invariants();
}
// [/story]

// ---------------------------------------------------------------- by seeds

// [workload]
/// Parcels are posted and some picked up: each ends in one way, which its sender knows of.
class Post final : public testing::Workload {
 public:
  explicit Post(std::size_t clients) : parcels_(5 * clients) {}

  std::vector<Kind> kinds() override { return {parcel_kind(), sender_kind()}; }

  void step() override {
    if (posted_ < parcels_ && chance().one_in(5)) return post(name_of(posted_++));
  }

  bool finished() override {
    if (answered_ < parcels_) return false;
    // Nobody waits for a week: time leaps.
    if (world().quiet()) world().clock().advance(std::chrono::hours{24});
    for (std::size_t i = 0; i < parcels_; ++i) {
      if (status_of(name_of(i)) == "waiting") return false;
    }
    return true;
  }

  void check() override {
    const auto sender = world().state("sender/ann");
    for (std::size_t i = 0; i < parcels_; ++i) {
      const auto name = name_of(i);
      const auto times = sender ? sender->at("came_back").value(name, 0) : 0;
      const auto status = status_of(name);
      expect(times == (status == "returned" ? 1 : 0),
             name + " is " + status + ", and came back so often: " + std::to_string(times));
      expect(!told_picked_up_.contains(name) || status == "picked_up",
             "somebody was given " + name + ", which is " + status);
    }
  }

 private:
  static std::string name_of(std::size_t number) { return "p" + std::to_string(number); }
  std::string status_of(const std::string& name) {
    const auto state = world().state("parcel/" + name);
    return state ? state->at("status").get<std::string>() : "nowhere";
  }

  // The network may lose, double and delay what a client says; it asks again, with the same key.
  void post(const std::string& name) {
    request({.target = {"parcel", name},
             .name = "post",
             .payload = "ann",
             .idempotency_key = "post-" + name},
            [this, name](const auto&) {
              if (chance().one_in(2)) return pick_up(name);
              ++answered_;
            });
  }
  void pick_up(const std::string& name) {
    request({.target = {"parcel", name}, .name = "pick_up", .idempotency_key = "pick-up-" + name},
            [this, name](const perdure::Result<perdure::Reply>& reply) {
              ++answered_;
              if (reply && reply->value == "picked_up") told_picked_up_.insert(name);
            });
  }

  const std::size_t parcels_;
  std::size_t posted_ = 0;
  std::size_t answered_ = 0;
  std::set<std::string> told_picked_up_;
};
// [/workload]

void parcels_end_in_one_way_whatever_happens() {
  // [explore]
  const std::vector<testing::WorkloadMaker> makers{
      {"post", [](std::size_t clients) { return std::make_unique<Post>(clients); }}};
  const auto report = testing::explore(makers, {.first_seed = 1, .count = 50});
  if (!report.failure.empty()) std::cerr << describe(report);
  // [/explore]
  expect(report.failure.empty(), "parcels end in one way");
  std::cout << report.runs << " runs with " << report.faults << " faults\n";
}

}  // namespace

int main() {
  a_parcel_comes_back_after_a_week();
  parcels_end_in_one_way_whatever_happens();
  return failures == 0 ? 0 : 1;
}
