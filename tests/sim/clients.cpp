// SPDX-License-Identifier: Apache-2.0
#include "clients.hpp"

#include <gtest/gtest.h>

namespace perdure::sim {

namespace {

struct Box {
  std::string title;
  std::int64_t commands = 0;  ///< that took effect: tells one effect from two
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Box, title, commands)

Json all_lines(const View& view, const Box& box) {
  Json lines = Json::object();
  EntryRange range{.limit = 3};  // small, so that pages and layers meet
  for (;;) {
    const auto rows = view.entries().range(range);
    for (const auto& row : rows) lines[row.key] = row.value;
    if (rows.size() < range.limit) break;
    range.from = rows.back().key + '\x01';
  }
  Json backwards = Json::object();
  for (const auto& row : view.entries().range({.order = Order::descending, .limit = 1'000})) {
    backwards[row.key] = row.value;
  }
  if (backwards != lines) throw std::runtime_error("the two directions differ");
  return {{"title", box.title}, {"commands", box.commands}, {"lines", lines}};
}

Model model_of(const Json& seen) { return {.title = seen.at("title"), .lines = seen.at("lines")}; }

}  // namespace

std::vector<Kind> simulated_kinds() {
  return {kind<Box>("box")
              .command("change",
                       [](Turn& turn, Box& self, const Json& change) {
                         ++self.commands;
                         self.title = change.at("title");
                         for (const auto& [key, value] : change.at("lines").items()) {
                           if (value.is_null()) {
                             turn.entries().erase(key);
                           } else {
                             turn.entries().put(key, value.get<std::string>());
                           }
                         }
                         turn.publish("box.changed", self.commands);
                         return self.commands;
                       })
              .query("all", all_lines)
              .index({.name = "title", .fields = {"title"}})};
}

Client::Client(World& world, std::size_t number, std::size_t commands)
    : world_(world), box_{"box", "box-" + std::to_string(number)}, commands_(commands) {}

Json Client::invent(Model& model) {
  auto& chance = world_.chance();
  model.title = "title-" + std::to_string(chance.below(5));
  Json lines = Json::object();
  for (auto left = chance.below(4); left > 0; --left) {
    const auto key = "line-" + std::to_string(chance.below(12));
    if (chance.one_in(3)) {
      lines[key] = nullptr;
      model.lines.erase(key);
    } else {
      lines[key] = std::to_string(chance.below(1'000));
      model.lines[key] = lines[key];
    }
  }
  return {{"title", model.title}, {"lines", lines}};
}

void Client::step() {
  const auto lost = [this](const Sent& sent) {
    return !sent.answered && (sent.refused || sent.life != world_.life());
  };
  const auto first = std::ranges::find_if(sent_, lost);
  if (first != sent_.end()) {
    // Lost or refused, and so is all after it or will be, and perhaps what was sent before it:
    // once nothing is on its way, all is sent again in its order.
    const bool all_told =
        std::ranges::all_of(sent_, [&](const Sent& sent) { return sent.answered || lost(sent); });
    if (all_told && world_.writable())
      std::for_each(first, sent_.end(), [this](auto& s) { send(s); });
    return;
  }
  if (world_.chance().one_in(4)) return ask();
  // What is on its way while the store is opened again may be refused, and a later one not.
  const bool opened_again =
      std::ranges::any_of(sent_, [this](const auto& s) { return s.epoch != world_.epoch(); });
  if (next_ < commands_ && sent_.size() < 3 && !opened_again) send_next();
}

void Client::send_next() {
  auto payload = invent(newest_model_);
  sent_.push_back({.number = next_++,
                   .payload = std::move(payload),
                   .life = 0,
                   .epoch = 0,
                   .after = newest_model_});
  send(sent_.back());
}

void Client::send(Sent& sent) {
  sent.life = world_.life();
  sent.epoch = world_.epoch();
  sent.refused = false;
  world_.runtime().call({.target = box_,
                         .name = "change",
                         .payload = sent.payload,
                         .idempotency_key = box_.id + "-" + std::to_string(sent.number)},
                        [this, number = sent.number, life = world_.life()](Result<Reply> reply) {
                          if (life == world_.life()) receive(number, reply);
                        });
}

void Client::receive(std::size_t number, const Result<Reply>& reply) {
  const auto found = std::ranges::find(sent_, number, &Sent::number);
  ASSERT_NE(found, sent_.end()) << "answered twice: command " << number;
  if (!reply) {
    // Nothing is known, or nothing was done: it is sent again when writes go on.
    const auto code = reply.error().code;
    ASSERT_TRUE(code == ErrorCode::outcome_unknown || code == ErrorCode::unavailable)
        << to_string(reply.error());
    found->refused = true;
    return;
  }
  found->answered = true;
  world_.chance().note(reply->meta.seq);
  EXPECT_EQ(reply->value, number + 1) << "a command had no effect, two, or came out of order";
  past_.insert_or_assign(reply->meta.seq, found->after);
  while (!sent_.empty() && sent_.front().answered) {
    acknowledged_model_ = sent_.front().after;
    ++acknowledged_;
    sent_.pop_front();
  }
}

void Client::ask() {
  if (asking_ && !world_.chance().one_in(20)) return;
  asking_ = true;
  const auto acknowledged_before = acknowledged_;
  world_.runtime().call(
      {.target = box_, .type = CallType::query, .name = "all"},
      [this, acknowledged_before, life = world_.life()](Result<Reply> reply) {
        if (life != world_.life()) return;
        asking_ = false;
        if (!reply) {
          ASSERT_EQ(reply.error().code, ErrorCode::unavailable) << to_string(reply.error());
          return;
        }
        // At least what was acknowledged before, at most what was sent.
        const auto count = reply->value.at("commands").get<std::size_t>();
        EXPECT_GE(count, acknowledged_before);
        EXPECT_LE(count, next_);
        const Model* expected = count == acknowledged_ ? &acknowledged_model_ : nullptr;
        for (const auto& sent : sent_) {
          if (sent.number + 1 == count) expected = &sent.after;
        }
        if (expected != nullptr) {
          EXPECT_EQ(model_of(reply->value), *expected) << "at " << count;
        }
        world_.chance().note(count);
      });
}

void Client::check_past(Seq seq, const Model& model) {
  auto& runtime = world_.runtime();
  const auto view = runtime.inspect(box_, seq);
  if (!view) {
    // Only retention may have taken it.
    EXPECT_EQ(view.error().code, ErrorCode::gone) << to_string(view.error());
    return;
  }
  EXPECT_EQ(view->state.at("title"), model.title) << "as of " << seq;
  const auto entries = runtime.entries(box_, {.limit = 1'000}, seq);
  ASSERT_TRUE(entries) << to_string(entries.error());
  std::map<std::string, std::string> lines;
  for (const auto& entry : *entries) lines.emplace(entry.key, entry.value);
  EXPECT_EQ(lines, model.lines) << "as of " << seq;
}

void Client::check_at_rest() {
  const auto now = world_.runtime().inspect(box_);
  ASSERT_TRUE(now) << to_string(now.error());
  EXPECT_EQ(now->state.at("commands"), commands_);
  EXPECT_EQ(now->meta.seq, commands_) << "a record for each command, and none besides";
  check_past(now->meta.seq, acknowledged_model_);
  for (const auto& [seq, model] : past_) check_past(seq, model);
}

}  // namespace perdure::sim
