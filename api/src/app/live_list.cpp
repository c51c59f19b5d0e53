// SPDX-License-Identifier: Apache-2.0
#include "app/live_list.hpp"

#include <map>
#include <set>
#include <utility>

#include "app/checks.hpp"
#include "app/list_text.hpp"
#include "app/object_list.hpp"
#include "app/routes/tables.hpp"
#include "app/services.hpp"
#include "app/stream_query.hpp"
#include "perdure/actors/noun.hpp"
#include "perdure/actors/resource.hpp"
#include "perdure/api/http/sse.hpp"
#include "perdure/base/check.hpp"
#include "perdure/runtime/access.hpp"

namespace perdure::api {

namespace {

constexpr const char* event_stream = "text/event-stream";
constexpr const char* page_event = "page";
constexpr std::size_t events_at_once = 100;

/// The topics that tell of changes of a noun's objects: as a rule one event for each turn.
std::vector<std::string> change_topics(const std::string& kind) {
  const auto* noun = actors::find_noun(kind);
  PERDURE_CHECK(noun != nullptr, kind);
  std::vector<std::string> topics;
  for (const char* verb :
       {"created", "updated", "deleted", "restored", "purged", "shared", "unshared"}) {
    topics.push_back(kind + '.' + verb);
  }
  if (noun->made_by == actors::Noun::MadeBy::host) {
    for (const auto& topic : noun->topics) topics.push_back(topic.topic);
  }
  return topics;
}

/// The page that a stream begins with.
struct Page {
  std::string text;
  std::map<std::string, Seq> shown;  ///< by id
  /// Where the log was when the page had been read, if it tells of something that the page may have
  /// or not: of that, `shown` says which version it has.
  std::string settled_at = {};
};

Result<Page> read_page(const Context& context, const ListRequest& request) {
  const auto& runtime = context.services.runtime;
  const auto& kind = *runtime.find_kind(request.kind);
  ListText text{context};
  Page page;
  const auto end =
      runtime.list(request, [&](const ObjectId& object, const Result<ObjectView>& view) {
        const auto body = view ? listed_body(runtime, kind, *view) : Result<Json>{fail(view.error())};
        if (!body) return text.add_unreadable(object);
        const auto shown = text.add(*body);
        if (shown == Shown::taken) page.shown.emplace(object.id, view->meta.seq);
        return shown;
      });
  if (!end) return fail(end.error());
  page.text = std::move(text).text(*end);
  return page;
}

/// The ids of those that changed from a query's place up to a cursor.
Result<std::set<std::string>> changed_until(const Runtime& runtime, EventQuery query,
                                            const std::string& end) {
  std::set<std::string> changed;
  query.limit = events_at_once;
  for (;;) {
    PERDURE_TRY(page, runtime.read_events(query));
    for (const auto& event : page.events) {
      if (event->position <= position_of(end)) changed.insert(event->source.id);
    }
    if (page.at_end || position_of(page.next) >= position_of(end)) return changed;
    query.after = std::move(page.next);
  }
}

/// Reads the page, and sets the place in the log from which on changes are told.
Result<Page> begin(const Context& context, const ListRequest& request, EventQuery& query) {
  const auto& runtime = context.services.runtime;
  PERDURE_TRY(before, runtime.events_end());
  query.after = std::move(before);
  PERDURE_TRY(page, read_page(context, request));
  PERDURE_TRY(end, runtime.events_end());
  PERDURE_TRY(changed, changed_until(runtime, query, end));
  std::erase_if(page.shown, [&](const auto& shown) { return !changed.contains(shown.first); });
  if (changed.empty()) {
    query.after = std::move(end);
  } else {
    page.settled_at = std::move(end);
  }
  return page;
}

/// What one stream tells of the changes in a list.
///
/// Threads  the streams' alone, once it is open.
class LiveList {
 public:
  LiveList(Runtime& runtime, ListRequest request, ListMembership is_in, Principal reader)
      : runtime_(runtime),
        kind_(*runtime.find_kind(request.kind)),
        request_(std::move(request)),
        is_in_(std::move(is_in)),
        reader_(std::move(reader)) {}

  void begin_with(Page page) {
    shown_ = std::move(page.shown);
    settled_at_ = position_of(page.settled_at);
  }

  Result<EventUse> tell(const Event& event, EventText& text) {
    if (event.source.kind != kind_.name || was_told(event)) return EventUse::skipped;
    const auto after = version(event.source, event.seq);
    // It is below the history that is kept, so a later event tells what became of it.
    if (!after) return EventUse::skipped;
    const bool is_in = is_in_(*after);
    const bool was_in = was_before(event);
    if (!is_in && !was_in) return EventUse::skipped;
    if (!is_in) return send(event, "leave", {{"id", event.source.id}}, text);
    if (!may_be_shown(*after)) return EventUse::skipped;
    PERDURE_TRY(body, listed_body(runtime_, kind_, *after));
    return send(event, was_in ? "change" : "enter", body, text);
  }

 private:
  /// The page has it already, or another event of the same turn.
  bool was_told(const Event& event) {
    const auto shown = shown_.find(event.source.id);
    if (shown != shown_.end()) {
      if (event.seq <= shown->second) return true;
      shown_.erase(shown);
    }
    return std::exchange(last_, {event.source, event.seq}) == std::pair{event.source, event.seq};
  }

  Result<ObjectView> version(const ObjectId& object, Seq seq) const {
    return runtime_.inspect_at(object, seq);
  }

  [[nodiscard]] bool was_before(const Event& event) const {
    if (event.seq < 2) return false;
    const auto before = version(event.source, event.seq - 1);
    if (before) return is_in_(*before);
    // What is below the history that is kept may have been in it: to leave twice is no harm. A
    // purge takes the history of what was deleted before.
    const bool is_purge = event.topic.ends_with(".purged");
    return !is_purge || request_.lives == ListRequest::Lives::deleted;
  }

  // A right that was withdrawn since then counts already; its own event takes the item away.
  [[nodiscard]] bool may_be_shown(const ObjectView& view) const {
    if (request_.whose != ListRequest::Whose::shared &&
        request_.whose != ListRequest::Whose::readable) {
      return true;
    }
    const auto now = runtime_.inspect(view.meta.object());
    return now && permits(reader_, possession_of(now->meta, kind_.reach), Action::read).allowed();
  }

  Result<EventUse> send(const Event& event, std::string_view name, const Json& data,
                        EventText& text) const {
    const auto json = dump_json(data);
    http::ServerEvent sent{.event = name, .data = json};
    if (event.position >= settled_at_) sent.id = event.cursor;
    PERDURE_TRY(encoded, http::encode(sent));
    text = std::move(encoded);
    return EventUse::sent;
  }

  Runtime& runtime_;
  const KindDefinition& kind_;
  const ListRequest request_;
  const ListMembership is_in_;
  const Principal reader_;
  std::map<std::string, Seq> shown_;
  std::uint64_t settled_at_ = 0;
  std::pair<ObjectId, Seq> last_;
};

}  // namespace

bool wants_live(const Context& context) {
  const auto accept = joined(context.request.headers, "Accept");
  if (!accept || context.request.method != http::Method::get) return false;
  return acceptance(*accept, event_stream) > acceptance(*accept, context.route->route.produces);
}

void offer_live(Route& route) {
  route.also_produces = event_stream;
  if (!route.description.empty()) route.description += ' ';
  route.description +=
      "With `Accept: text/event-stream` it is a live list: `page`, then `enter`, `change` and "
      "`leave` as its items do; `Last-Event-ID` resumes.";
  route = accept_tickets(std::move(route));
}

void open_live_list(const ContextPtr& context, const ObjectList& list) {
  auto& runtime = context->services.runtime;
  auto request = list_request(*context, list);
  if (!request) return answer(*context, std::move(request).error());
  if (!request->cursor.empty()) {
    return answer(*context, invalid_parameter("cursor", "combination",
                                              "a live list begins with its first page"));
  }
  auto membership = runtime.membership(*request);
  if (!membership) return answer(*context, std::move(membership).error());
  auto query = stream_query(*context, change_topics(list.kind));
  if (!query) return answer(*context, std::move(query).error());
  query->principal = {};
  const auto place = runtime.read_events(*query);
  if (!place) return answer(*context, Error{place.error()});
  const auto live =
      std::make_shared<LiveList>(runtime, *request, std::move(*membership), context->principal);
  StreamRules rules{
      .use = [live](const Event& event, EventText& text) { return live->tell(event, text); },
      .sight = StreamRules::Sight::all,
      .concerns = request->owner,
      .lost = StreamRules::Lost::begins_anew};
  if (!resume_after(*context) || place->lost) {
    auto begun = begin(*context, *request, *query);
    if (!begun) return answer(*context, std::move(begun).error());
    rules.first_event = page_event;
    rules.first_data = std::move(begun->text);
    rules.settled_at = begun->settled_at;
    live->begin_with(std::move(*begun));
  }
  context->services.event_streams.open(context, std::move(*query), std::move(rules));
}

}  // namespace perdure::api
