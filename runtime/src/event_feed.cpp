// SPDX-License-Identifier: Apache-2.0
#include "event_feed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "fields.hpp"
#include "perdure/base/utf8.hpp"
#include "perdure/runtime/access.hpp"
#include "record.hpp"

namespace perdure {

namespace {

std::string_view take_part(std::string_view& text) {
  const auto dot = text.find('.');
  const auto part = text.substr(0, dot);
  text.remove_prefix(dot == std::string_view::npos ? text.size() : dot + 1);
  return part;
}

}  // namespace

bool topic_matches(std::string_view pattern, std::string_view topic) {
  if (pattern == "*") return true;
  while (!pattern.empty() && !topic.empty()) {
    const auto wanted = take_part(pattern);
    if (wanted == "**") return true;
    const auto part = take_part(topic);
    if (wanted != "*" && wanted != part) return false;
  }
  return pattern.empty() && topic.empty();
}

bool names_first_part(std::string_view pattern, std::string_view topic) {
  return take_part(pattern) == take_part(topic);
}

Result<void> validate_topic_pattern(std::string_view pattern) {
  const auto refuse = [&] {
    return runtime::bad_member(
        "/topics", "format",
        fmt::format("\"{}\" is no topic pattern: dotted names, * for one part, ** for the rest",
                    cut_utf8(pattern, 200)));
  };
  if (pattern.empty() || pattern.size() > 200 || pattern.back() == '.') return refuse();
  auto rest = pattern;
  while (!rest.empty()) {
    const auto part = take_part(rest);
    if (part == "*") continue;
    if (part == "**") {
      if (!rest.empty()) return refuse();
      continue;
    }
    const bool named = !part.empty() && std::ranges::all_of(part, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '-';
    });
    if (!named) return refuse();
  }
  return {};
}

namespace runtime {

namespace {

constexpr std::size_t recent_events_max = 16'384;
constexpr std::size_t recent_bytes_max = 16u << 20;
/// Events that one read looks at, so that a reader whose topics are rare gives way to others.
constexpr std::size_t looked_at_max = 4'096;
constexpr std::size_t rows_at_once = 512;

std::string cursor_text(const std::string& history, std::uint64_t position) {
  return fmt::format("{}-{}", history, position);
}

struct CursorParts {
  std::string_view history;
  std::uint64_t position;
};

std::optional<CursorParts> parts_of(std::string_view cursor) {
  const auto dash = cursor.find('-');
  if (dash == std::string_view::npos || dash == 0 || dash + 1 == cursor.size()) return {};
  const auto digits = cursor.substr(dash + 1);
  std::uint64_t position = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), position);
  if (error != std::errc{} || end != digits.data() + digits.size()) return {};
  return CursorParts{cursor.substr(0, dash), position};
}

}  // namespace

namespace {

Json without(Json json, std::string_view member) {
  json.erase(std::string{member});
  return json;
}

}  // namespace

}  // namespace runtime

std::uint64_t position_of(std::string_view cursor) {
  const auto parts = runtime::parts_of(cursor);
  return parts ? parts->position : 0;
}

namespace runtime {

bool names_place(std::string_view cursor) { return parts_of(cursor).has_value(); }

Result<EventPtr> decode_event(const std::string& history, std::uint64_t position,
                              std::string_view body) {
  const auto corrupt = [&](std::string_view why) {
    return fail(ErrorCode::corrupt, fmt::format("event {} cannot be read: {}", position, why));
  };
  const auto parsed = parse_stored_json(body);
  if (!parsed) return corrupt(parsed.error().detail);
  const auto& json = *parsed;
  try {
    auto event = std::make_shared<Event>();
    event->position = position;
    event->cursor = cursor_text(history, position);
    event->id = json.at("id");
    event->seq = seq_of_event(event->id);
    event->topic = json.at("type");
    auto source = from_uri_reference(json.at("source").get_ref<const std::string&>());
    if (!source) return corrupt("its source names no object");
    event->source = std::move(*source);
    event->owner = Owner::from_text(json.at("owner"));
    event->body = body;
    if (const auto shared = json.find(event_grantees); shared != json.end()) {
      for (const auto& grantee : *shared) event->grants.push_back({Owner::from_text(grantee)});
      event->body = dump_json(without(json, event_grantees));
    }
    return EventPtr{std::move(event)};
  } catch (const std::exception& refused) {
    return corrupt(refused.what());
  }
}

class EventFeed::Watch final : public EventWatch {
 public:
  Watch(std::shared_ptr<Watches> watches, std::function<void()> callback)
      : watches_(std::move(watches)), callback_(std::move(callback)) {
    const std::scoped_lock lock{watches_->mutex};
    place_ = watches_->all.insert(watches_->all.end(), this);
  }
  ~Watch() override {
    const std::scoped_lock lock{watches_->mutex};
    watches_->all.erase(place_);
  }
  void call() const { callback_(); }

 private:
  const std::shared_ptr<Watches> watches_;
  const std::function<void()> callback_;
  std::list<Watch*>::iterator place_;
};

EventFeed::EventFeed(const storage::Store& store)
    : store_(store), watches_(std::make_shared<Watches>()) {}

std::unique_ptr<EventWatch> EventFeed::watch(std::function<void()> callback) {
  return std::make_unique<Watch>(watches_, std::move(callback));
}

void EventFeed::published(std::uint64_t position, std::vector<std::string> bodies) {
  {
    const std::scoped_lock lock{mutex_};
    if (recent_first_ + recent_.size() != position) forget_recent();
    if (recent_.empty()) recent_first_ = position;
    for (auto& body : bodies) {
      recent_bytes_ += body.size();
      recent_.push_back({std::make_shared<const std::string>(std::move(body)), nullptr});
    }
    while (recent_.size() > recent_events_max || recent_bytes_ > recent_bytes_max) {
      recent_bytes_ -= recent_.front().body->size();
      recent_.pop_front();
      ++recent_first_;
    }
  }
  const std::scoped_lock lock{watches_->mutex};
  for (const auto* watch : watches_->all) watch->call();
}

void EventFeed::forget_recent() {
  recent_.clear();
  recent_bytes_ = 0;
}

Result<EventFeed::Place> EventFeed::place_of(const std::string& cursor,
                                             const storage::EventRange& range) const {
  if (cursor.empty()) return Place{range.last + 1, false};
  if (cursor == "0") return Place{range.first, false};
  const auto parts = parts_of(cursor);
  if (!parts) return bad_member("/after", "cursor", "is no cursor of the event log");
  const auto position = parts->position;
  const bool known = parts->history == range.history && position <= range.last;
  if (!known || position + 1 < range.first) return Place{range.first, true};
  return Place{position + 1, false};
}

std::optional<std::vector<EventFeed::Recent>> EventFeed::recent_from(std::uint64_t position,
                                                                     std::size_t limit) {
  const std::scoped_lock lock{mutex_};
  if (recent_.empty() || position < recent_first_) return {};
  const auto skipped = std::min<std::uint64_t>(position - recent_first_, recent_.size());
  const auto from = recent_.begin() + static_cast<std::ptrdiff_t>(skipped);
  const auto count = std::min<std::size_t>(limit, recent_.size() - skipped);
  return std::vector<Recent>{from, from + static_cast<std::ptrdiff_t>(count)};
}

void EventFeed::keep(std::uint64_t position, const std::vector<Recent>& decoded) {
  const std::scoped_lock lock{mutex_};
  for (const auto& one : decoded) {
    const auto place = position++ - recent_first_;  // past the end when it is not there any more
    if (place < recent_.size() && recent_[place].body == one.body) recent_[place].event = one.event;
  }
}

Result<std::vector<EventFeed::Row>> EventFeed::rows_from(std::uint64_t position, std::size_t limit,
                                                         const std::string& history) {
  std::vector<Row> found;
  if (auto recent = recent_from(position, limit)) {
    bool decoded = false;
    for (auto& one : *recent) {
      const auto at = position + found.size();
      if (!one.event) {
        PERDURE_TRY(event, decode_event(history, at, *one.body));
        one.event = std::move(event);
        decoded = true;
      }
      found.push_back({at, one.event});
    }
    if (decoded) keep(position, *recent);
    return found;
  }
  const auto wanted = std::min(limit, rows_at_once);
  const auto rows = store_.events(position, wanted);
  if (!rows && rows.error().code == ErrorCode::corrupt) {
    return sound_rows(position, wanted, history);
  }
  if (!rows) return fail(rows.error());
  for (const auto& row : *rows) add_row(row, history, found);
  return found;
}

void EventFeed::add_row(const storage::EventRow& row, const std::string& history,
                        std::vector<Row>& to) {
  if (row.gap_first > 0) {
    to.push_back({row.position, nullptr, row.gap_first, decode_gap(row.body)});
  } else if (auto event = decode_event(history, row.position, row.body)) {
    to.push_back({row.position, std::move(*event)});
  }
}

// Around damage: positions can be asked for one by one. The reader hears of what is missing as of
// what retention took.
Result<std::vector<EventFeed::Row>> EventFeed::sound_rows(std::uint64_t position, std::size_t limit,
                                                          const std::string& history) {
  PERDURE_TRY(range, store_.event_range());
  std::vector<Row> found;
  for (; position <= range.last && found.size() < limit; ++position) {
    const auto rows = store_.events(position, 1);
    if (!rows && rows.error().code != ErrorCode::corrupt) return fail(rows.error());
    if (!rows || rows->empty()) continue;
    const auto& row = rows->front();
    const bool is_here = row.position == position || row.gap_first == position;
    if (is_here) add_row(row, history, found);
    if (is_here) position = row.position;
  }
  return found;
}

/// What one reader may see of the log. Most events are decided by their owner alone.
class EventFeed::Sight {
 public:
  Sight(const storage::Store& store, const Principal& reader) : store_(store), reader_(reader) {}

  [[nodiscard]] bool sees(const Event& event) {
    if (permits(reader_, {.owner = event.owner}, Action::read).allowed()) return true;
    const Possession then{.owner = event.owner, .grants = event.grants};
    if (!permits(reader_, then, Action::read).allowed()) return false;
    const auto [known, is_new] = now_.try_emplace(event.source, false);
    if (is_new) known->second = may_read_now(event.source);
    return known->second;
  }

 private:
  // A grant that was withdrawn is one for nothing, also for what was before.
  [[nodiscard]] bool may_read_now(const ObjectId& object) const {
    const auto row = store_.last_record(object);
    if (!row || !*row) return false;
    const auto record = decode_record(object, **row);
    return record && permits(reader_, possession_of(record->meta), Action::read).allowed();
  }

  const storage::Store& store_;
  const Principal& reader_;
  std::map<ObjectId, bool> now_;
};

Result<EventPage> EventFeed::read(const EventQuery& query) {
  for (const auto& pattern : query.topics) PERDURE_TRY_VOID(validate_topic_pattern(pattern));
  PERDURE_TRY(range, store_.event_range());
  PERDURE_TRY(place, place_of(query.after, range));
  Sight sight{store_, query.principal};
  const auto wanted = [&](const Event& event) {
    if (!sight.sees(event)) return false;
    return query.topics.empty() || std::ranges::any_of(query.topics, [&](const auto& pattern) {
             return topic_matches(pattern, event.topic);
           });
  };
  EventPage page{.lost = place.lost};
  auto position = place.next;
  std::size_t looked_at = 0;
  // What is gone is told at its place: in a page of its own, behind what is before it.
  bool has_missed = false;
  const auto ends_page = [&](const Row& row) {
    // Who asks for the oldest events asks for whichever are left: before these, none is missed.
    const bool oldest = query.after == "0" && page.events.empty();
    const bool hole = row.event ? row.position != position : row.gap_first > position;
    const bool missed = !oldest && (hole || (!row.event && row.gap.concerns(query.principal)));
    if (missed && !page.events.empty()) return true;
    has_missed |= missed;
    position = row.position + 1;
    ++looked_at;
    if (!row.event || !wanted(*row.event)) return false;
    if (has_missed) position = row.position;
    if (!has_missed) page.events.push_back(row.event);
    return has_missed || page.events.size() == query.limit;
  };
  for (bool ended = query.limit == 0; !ended && looked_at < looked_at_max;) {
    PERDURE_TRY(rows, rows_from(position, query.limit, range.history));
    ended = std::ranges::any_of(rows, ends_page);
    page.at_end = rows.empty();
    ended |= page.at_end;
  }
  page.lost |= has_missed;
  page.next = cursor_text(range.history, position - 1);
  return page;
}

Result<std::string> EventFeed::end() const {
  PERDURE_TRY(range, store_.event_range());
  return cursor_text(range.history, range.last);
}

void EventFeed::reset() {
  const std::scoped_lock lock{mutex_};
  forget_recent();
}

void EventFeed::check_invariants() const {
  const std::scoped_lock lock{mutex_};
  std::size_t bytes = 0;
  for (const auto& one : recent_) {
    PERDURE_CHECK(one.body != nullptr, "a recent event has no body");
    bytes += one.body->size();
  }
  PERDURE_CHECK(bytes == recent_bytes_, "the count of the bytes of recent events is off");
  PERDURE_CHECK(bytes <= recent_bytes_max && recent_.size() <= recent_events_max,
                "more recent events are kept than may be");
}

}  // namespace runtime

}  // namespace perdure
