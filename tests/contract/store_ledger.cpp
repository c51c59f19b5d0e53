// SPDX-License-Identifier: Apache-2.0
#include "store_ledger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace perdure::storage {
namespace {

constexpr int objects = 5;
constexpr int claims = 6;

std::string shortened(const std::string& text) {
  if (text.size() <= 200) return text;
  return fmt::format("{}… ({} bytes)", text.substr(0, 200), text.size());
}

/// Units of the expected store, made fit for another one.
std::vector<Unit> with_epoch(std::vector<Unit> units, std::uint64_t epoch) {
  for (auto& unit : units) {
    for (auto& write_set : unit.write_sets) write_set.epoch = epoch;
  }
  return units;
}

template <class Row>
std::string to_text(const std::optional<Row>& row);
std::string to_text(const std::string& text) { return text; }
std::string to_text(Seq seq) { return std::to_string(seq); }
std::string to_text(const RecordRow& row) { return fmt::format("{}:{}", row.seq, row.record); }
std::string to_text(const EntryRow& row) {
  return fmt::format("{}@{}={}", row.key, row.seq, row.value);
}
std::string to_text(const IndexRow& row) { return row.key + "/" + row.id; }
std::string to_text(const AlarmRow& row) {
  return fmt::format("{}.{}@{}={}", to_string(row.object), row.name, to_unix_ms(row.due), row.body);
}
std::string to_text(const AlarmPlace& place) {
  return fmt::format("{}.{}@{}", to_string(place.object), place.name, to_unix_ms(place.due));
}
std::string to_text(const EventRow& row) { return fmt::format("{}:{}", row.position, row.body); }
std::string to_text(const OutboxRow& row) { return fmt::format("{}:{}", row.position, row.body); }
std::string to_text(const PinRow& row) { return fmt::format("{}:{}", row.seq, row.body); }

template <class Row>
std::string to_text(const std::optional<Row>& row) {
  return row ? to_text(*row) : "none";
}
template <class Row>
std::string to_text(const std::vector<Row>& rows) {
  std::string text;
  for (const auto& row : rows) text += to_text(row) + "; ";
  return text;
}

bool is_of_the_disk(ErrorCode code) {
  return code == ErrorCode::unavailable || code == ErrorCode::corrupt;
}

}  // namespace

StoreLedger::StoreLedger(std::uint64_t seed, std::size_t large_bytes_max)
    : random_(seed), large_bytes_max_(large_bytes_max), expected_(open_memory(disk_).value()) {}

std::string StoreLedger::any_value() {
  auto value = fmt::format("value {} ", ++value_count_);
  if (pick(4) == 0) {
    const auto more = pick(large_bytes_max_ + 1);
    // Not to be compressed away.
    while (value.size() < more) value += std::to_string(random_());
  }
  return value;
}

WriteSet StoreLedger::draw(const ObjectId& object, Seq last) {
  const bool is_stale = pick(15) == 0;
  auto write_set = make_turn(expected_->epoch(), object, last + (is_stale ? 1 : 0));
  write_set.record = any_value();
  for (auto count = pick(3); count > 0; --count) {
    EntryChange change{"k" + std::to_string(pick(6)), any_value()};
    if (pick(4) == 0) change.value.reset();
    std::erase_if(write_set.entries, [&](const auto& entry) { return entry.key == change.key; });
    write_set.entries.push_back(std::move(change));
  }
  if (pick(3) == 0) {
    // One row an object: the place that it had goes.
    for (const auto& row : expected_->index("thing", "i", {}).value()) {
      if (row.id == object.id) {
        write_set.indexes.push_back({IndexChange::Op::erase, "i", row.key});
      }
    }
    write_set.indexes.push_back({IndexChange::Op::put, "i", std::to_string(100 + pick(9))});
  }
  if (pick(4) == 0) {
    const auto before = expected_->alarm(object, "a").value();
    AlarmChange change{.name = "a",
                       .previous_due = before ? std::optional{before->due} : std::nullopt,
                       .due = {},
                       .body = any_value()};
    if (pick(3) != 0) change.due = at_ms(static_cast<std::int64_t>(pick(1000)));
    write_set.alarms.push_back(std::move(change));
  }
  if (pick(3) == 0) write_set.events.push_back(any_value());
  if (pick(4) == 0) write_set.sends.push_back(any_value());
  if (pick(5) == 0) {
    const auto waiting = expected_->outbox(1, 10).value();
    if (!waiting.empty()) write_set.takes.push_back(waiting[pick(waiting.size())].position);
  }
  if (pick(4) == 0) {
    write_set.claims.push_back(
        {.space = "s", .key = std::to_string(pick(claims)), .value = any_value()});
  }
  if (pick(4) == 0) write_set.releases.push_back({"s", std::to_string(pick(claims))});
  if (pick(8) == 0) {
    write_set.pins.push_back({1 + pick(last + 1), "pin"});
  } else if (last > 0 && pick(30) == 0) {
    write_set.past = Past::erased;
    write_set.alarms.clear();
  }
  return write_set;
}

std::vector<Unit> StoreLedger::draw_batch() {
  std::vector<Unit> units;
  std::set<ObjectId> chosen;  // each once in a batch, so that all can be drawn from what is there
  for (auto count = 1 + pick(3); count > 0; --count) {
    Unit unit;
    for (auto sets = pick(4) == 0 ? 2 : 1; sets > 0; --sets) {
      const auto object = any_object();
      if (!chosen.insert(object).second) continue;
      const auto last = expected_->last_record(object).value();
      unit.write_sets.push_back(draw(object, last ? last->seq : 0));
    }
    if (!unit.write_sets.empty()) units.push_back(std::move(unit));
  }
  return units;
}

StoreLedger::Step StoreLedger::fail(std::string story) {
  story_ += std::move(story);
  return Step::wrong;
}

StoreLedger::Step StoreLedger::step(Store& store, const Heard& heard) {
  return pick(8) == 0 ? trim(store, heard) : commit(store, heard);
}

StoreLedger::Step StoreLedger::commit(Store& store, const Heard& heard) {
  auto units = draw_batch();
  const auto outcomes = store.commit(with_epoch(units, store.epoch()), default_now);
  const auto is_unknown = [](const Outcome& outcome) {
    return code_of(outcome) == ErrorCode::outcome_unknown;
  };
  if (heard && !heard()) {
    unknown_ = std::move(units);
    return Step::unknown;
  }
  if (std::ranges::any_of(outcomes, is_unknown)) {
    if (!std::ranges::all_of(outcomes, is_unknown)) return fail("a batch is unknown in part");
    unknown_ = std::move(units);
    return Step::unknown;
  }
  // A row that the checks need may be unreadable: then the unit has not happened, for this reason.
  std::vector<Unit> judged;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (!outcomes[i] && is_of_the_disk(outcomes[i].error().code)) continue;
    judged.push_back(units[i]);
    places.push_back(i);
  }
  const auto expected = expected_->commit(judged, default_now);
  for (std::size_t i = 0; i < judged.size(); ++i) {
    const auto& outcome = outcomes[places[i]];
    if (code_of(outcome) != code_of(expected[i])) {
      return fail(fmt::format("a unit was {}, and should have been {}",
                              outcome ? "committed" : to_string(outcome.error()),
                              expected[i] ? "committed" : to_string(expected[i].error())));
    }
    if (!outcome) continue;
    ++acknowledged_;
    if (outcome->commit_number != expected[i]->commit_number ||
        outcome->first_event_position != expected[i]->first_event_position ||
        outcome->first_outbox_position != expected[i]->first_outbox_position) {
      return fail("a unit was given a wrong number or place");
    }
  }
  return Step::done;
}

StoreLedger::Step StoreLedger::trim(Store& store, const Heard& heard) {
  const auto object = any_object();
  const auto last = expected_->last_record(object).value();
  if (!last) return Step::done;
  const Seq floor = 1 + pick(last->seq);
  const auto trimmed = store.trim(object, floor, {});
  if (!trimmed || (heard && !heard())) {
    if (!trimmed && !is_of_the_disk(trimmed.error().code)) return fail(to_string(trimmed.error()));
    unknown_trim_ = {object, floor};
    return Step::unknown;
  }
  if (!expected_->trim(object, floor, {})) return fail("the expected store refused a trim");
  return Step::done;
}

std::vector<StoreLedger::Answer> StoreLedger::read_object(const Store& store,
                                                          const ObjectId& object) const {
  std::vector<Answer> answers;
  const auto ask = [&](std::string question, const auto& result) {
    question = to_string(object) + " " + question;
    if (result) {
      answers.push_back({std::move(question), to_text(*result)});
    } else {
      const auto code = result.error().code;
      answers.push_back({std::move(question), to_string(result.error()), is_of_the_disk(code)});
    }
  };
  // Asked of the store that knows: the questions are the same for both.
  const auto floor = expected_->floor(object).value();
  ask("last record", store.last_record(object));
  ask("floor", store.floor(object));
  ask("journal", store.journal(object, floor, newest, Direction::forward, 9999));
  ask("entries", store.entries(object, {.limit = 999}));
  ask("entry k1", store.entry(object, "k1"));
  ask("entries backward", store.entries(object, {.direction = Direction::backward, .limit = 999}));
  ask("entries at the floor", store.entries(object, {.limit = 999}, floor));
  ask("pins", store.pins(object));
  ask("alarms", store.alarms(object));
  for (const auto& pin : expected_->pins(object).value()) {
    ask("record of a pin", store.record(object, pin.seq));
    ask("entries of a pin", store.entries(object, {.limit = 999}, pin.seq));
  }
  return answers;
}

std::vector<StoreLedger::Answer> StoreLedger::read_all(const Store& store) const {
  std::vector<Answer> answers;
  for (int number = 0; number < objects; ++number) {
    for (auto& answer : read_object(store, {"thing", "o" + std::to_string(number)})) {
      answers.push_back(std::move(answer));
    }
  }
  const auto ask = [&](const std::string& question, const auto& result) {
    if (result) {
      answers.push_back({question, to_text(*result)});
    } else {
      answers.push_back({question, to_string(result.error()), is_of_the_disk(result.error().code)});
    }
  };
  ask("index", store.index("thing", "i", {}));
  ask("alarms due", store.alarms_due(at_ms(10'000), 999));
  ask("events", store.events(1, 1'000'000));
  ask("outbox", store.outbox(1, 1'000'000));
  for (int claim = 0; claim < claims; ++claim) {
    ask(fmt::format("claim {}", claim), store.claim({"s", std::to_string(claim)}, default_now));
  }
  return answers;
}

std::string StoreLedger::compare(const Store& store, Damage damage) {
  const auto expected = read_all(*expected_);
  const auto found = read_all(store);
  PERDURE_CHECK(expected.size() == found.size(), "both stores were asked the same");
  errors_ = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i].is_error && damage == Damage::reported) {
      ++errors_;
    } else if (found[i].answer != expected[i].answer) {
      return fmt::format("{}:\n  expected {}\n  found    {}\n", found[i].question,
                         shortened(expected[i].answer), shortened(found[i].answer));
    }
  }
  return {};
}

StoreLedger::Step StoreLedger::read_some(const Store& store) {
  const auto object = any_object();
  const auto expected = read_object(*expected_, object);
  const auto found = read_object(store, object);
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!found[i].is_error && found[i].answer != expected[i].answer) {
      return fail(fmt::format("{}:\n  expected {}\n  found    {}\n", found[i].question,
                              shortened(expected[i].answer), shortened(found[i].answer)));
    }
  }
  return Step::done;
}

StoreLedger::Step StoreLedger::settle(Store& store, Damage damage) {
  if (unknown_trim_) {
    const auto [object, floor] = *std::exchange(unknown_trim_, std::nullopt);
    if (const auto again = store.trim(object, floor, {}); !again) {
      return fail("a trim failed a second time: " + to_string(again.error()));
    }
    if (!expected_->trim(object, floor, {})) return fail("the expected store refused a trim");
  }
  auto difference = compare(store, damage);
  if (!difference.empty() && !unknown_.empty()) {
    // Then it must be all of the batch whose outcome was unknown.
    static_cast<void>(expected_->commit(std::exchange(unknown_, {}), default_now));
    const auto other = compare(store, damage);
    if (!other.empty())
      difference = "without what was unknown: " + difference + "with: " + other;
    else
      difference.clear();
  }
  unknown_.clear();
  return difference.empty() ? Step::done : fail(std::move(difference));
}

}  // namespace perdure::storage
