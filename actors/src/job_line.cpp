// SPDX-License-Identifier: Apache-2.0
#include "job_line.hpp"

#include <algorithm>
#include <charconv>

#include "equal_text.hpp"

namespace perdure::actors {

namespace {

constexpr std::size_t digits = 16;  // of ordered_key

std::uint64_t number_in(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number, 16);
  return number;
}

std::string record_key(const std::string& key) { return "turns/" + key; }
std::string stays_prefix(const std::string& key, const std::string& type) {
  return "stays/" + key + '/' + type + '/';
}
enum class Runs { none, some };
std::string line_prefix(const std::string& type, Runs runs) {
  return "line/" + type + (runs == Runs::none ? "/none/" : "/some/");
}

std::string rank_text(int priority) {
  constexpr std::int64_t middle = std::int64_t{1} << 32;
  return ordered_key(static_cast<std::uint64_t>(middle - priority)) + '/';
}
/// The last part of an entry's key.
std::uint64_t number_of(std::string_view entry) {
  return number_in(entry.substr(entry.size() - digits));
}

}  // namespace

std::string turn_key_of(const JobStay& stay) { return equal_text(stay.owner); }

void to_json(Json& json, const JobLineState& state) {
  json = {{"next", state.next}, {"moments", state.moments}, {"waiting", state.waiting}};
}

void from_json(const Json& json, JobLineState& state) {
  json.at("next").get_to(state.next);
  json.at("moments").get_to(state.moments);
  json.at("waiting").get_to(state.waiting);
}

// ---- records

std::int64_t JobLine::Record::running_in_all() const {
  std::int64_t sum = 0;
  for (const auto& [type, count] : running) sum += count;
  return sum;
}

JobLine::Record JobLine::decode(const Json& json) {
  Record record;
  json.at("served").get_to(record.served);
  json.at("running").get_to(record.running);
  for (const auto& [type, ranks] : json.at("waiting").items()) {
    for (const Json& rank : ranks) {
      record.waiting[type][rank.at(0).get<int>()] = {.count = rank.at(1), .from = rank.at(2)};
    }
  }
  return record;
}

Json JobLine::encode(const Record& record) {
  auto waiting = Json::object();
  for (const auto& [type, ranks] : record.waiting) {
    auto& of_type = waiting[type] = Json::array();
    for (const auto& [priority, rank] : ranks) {
      of_type.push_back({priority, rank.count, rank.from});
    }
  }
  return {{"served", record.served}, {"running", record.running}, {"waiting", std::move(waiting)}};
}

std::optional<JobLine::Record> JobLine::find(const std::string& key) const {
  const auto entry = entries_.get(record_key(key));
  if (!entry) return {};
  return decode(entry->json());
}

std::vector<std::string> JobLine::rows_of(const Record& record, const std::string& key) {
  std::vector<std::string> rows;
  const auto place = ordered_key(static_cast<std::uint64_t>(record.running_in_all())) + '/' +
                     ordered_key(record.served) + '/' + key;
  for (const auto& [type, ranks] : record.waiting) {
    const bool has_some = record.running.contains(type);
    rows.push_back(line_prefix(type, has_some ? Runs::some : Runs::none) + place);
  }
  return rows;
}

template <class F>
void JobLine::change(const std::string& key, F&& change) {
  const auto found = find(key);
  // A key that comes back after a rest stands behind those that wait already.
  auto record = found ? *found : Record{.served = ++state_.moments, .running = {}, .waiting = {}};
  const auto before = rows_of(record, key);
  const bool waited = !record.waiting.empty();
  change(record);
  std::erase_if(record.running, [](const auto& one) { return one.second <= 0; });
  for (auto& [type, ranks] : record.waiting) {
    std::erase_if(ranks, [](const auto& one) { return one.second.count <= 0; });
  }
  std::erase_if(record.waiting, [](const auto& one) { return one.second.empty(); });
  const auto after = rows_of(record, key);
  for (const auto& row : before) {
    if (std::ranges::find(after, row) == after.end()) entries_.erase(row);
  }
  for (const auto& row : after) {
    if (std::ranges::find(before, row) == before.end()) entries_.put(row, key);
  }
  state_.waiting += int{!record.waiting.empty()} - int{waited};
  if (!record.waiting.empty() || !record.running.empty()) {
    entries_.put_json(record_key(key), encode(record));
  } else if (found) {
    entries_.erase(record_key(key));
  }
}

// ---- steps

std::string JobLine::add_at(const JobStay& stay, const std::string& order) {
  const auto key = turn_key_of(stay);
  auto entry = stays_prefix(key, stay.type) + order;
  entries_.put_json(entry, stay);
  const auto number = number_of(entry);
  change(key, [&](Record& record) {
    auto& rank = record.waiting[stay.type][stay.priority];
    rank.from = rank.count == 0 ? number : std::min(rank.from, number);
    ++rank.count;
  });
  return entry;
}

std::string JobLine::add(const JobStay& stay) {
  return add_at(stay, rank_text(stay.priority) + ordered_key(state_.next++));
}

void JobLine::take(const JobStay& stay, const std::string& entry) {
  entries_.erase(entry);
  change(turn_key_of(stay), [&](Record& record) {
    auto& rank = record.waiting[stay.type][stay.priority];
    --rank.count;
    rank.from = number_of(entry) + 1;
    ++record.running[stay.type];
    record.served = ++state_.moments;
  });
}

void JobLine::leave(const JobStay& stay, const std::string& entry) {
  entries_.erase(entry);
  change(turn_key_of(stay),
         [&](Record& record) { --record.waiting[stay.type][stay.priority].count; });
}

void JobLine::release(const JobStay& stay) {
  change(turn_key_of(stay), [&](Record& record) { --record.running[stay.type]; });
}

void JobLine::set_running(const std::string& key, const std::string& type, std::int64_t running) {
  change(key, [&](Record& record) { record.running[type] = running; });
}

// ---- who is next

std::optional<std::string> JobLine::first(const std::vector<Room>& rooms,
                                          const Places& places) const {
  std::optional<std::string> best;
  std::size_t keys = 1;  // that wait: one, or several
  const auto look_at = [&](const Room& room, Runs runs) {
    const auto prefix = line_prefix(room.type, runs);
    for (const auto& row : entries_.range(EntryRange::prefix(prefix, Order::ascending, 2))) {
      auto place = row.key.substr(prefix.size());
      if (best && *best != place) keys = 2;
      if (!best || place < *best) best = std::move(place);
    }
  };
  for (const auto& room : rooms) {
    look_at(room, Runs::none);
    if (!room.is_reserved) look_at(room, Runs::some);
  }
  if (!best) return {};
  // It has the fewest places of all: when it may have no more, nobody may.
  const auto below = places.rules.running_below(places.all, places.free, keys);
  if (number_in(std::string_view{*best}.substr(0, digits)) >= below) return {};
  return best;
}

std::optional<Entry> JobLine::first_of(const std::string& key, const std::string& type,
                                       const std::map<int, Rank>& ranks) const {
  const auto& [priority, rank] = *ranks.rbegin();
  const auto prefix = stays_prefix(key, type) + rank_text(priority);
  auto range = EntryRange::prefix(prefix, Order::ascending, 1);
  range.from = prefix + ordered_key(rank.from);
  auto rows = entries_.range(range);
  if (rows.empty()) return {};
  return std::move(rows.front());
}

std::optional<Entry> JobLine::best_of(const std::string& key, const Record& record,
                                      const std::vector<Room>& rooms) const {
  std::optional<Entry> best;
  std::string best_order;
  for (const auto& room : rooms) {
    const auto waiting = record.waiting.find(room.type);
    if (waiting == record.waiting.end()) continue;
    if (room.is_reserved && record.running.contains(room.type)) continue;
    auto entry = first_of(key, room.type, waiting->second);
    if (!entry) continue;
    auto order = entry->key.substr(stays_prefix(key, room.type).size());
    if (best && best_order <= order) continue;
    best = std::move(entry);
    best_order = std::move(order);
  }
  return best;
}

std::optional<Entry> JobLine::next(const std::vector<Room>& rooms, const Places& places) const {
  const auto place = first(rooms, places);
  if (!place) return {};
  const auto key = place->substr(2 * (digits + 1));
  const auto record = find(key);
  if (!record) return {};
  return best_of(key, *record, rooms);
}

}  // namespace perdure::actors
