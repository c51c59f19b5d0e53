// SPDX-License-Identifier: Apache-2.0
#include "app/live_list.hpp"

#include <map>
#include <set>
#include <utility>

#include "app/checks.hpp"
#include "app/dispatch.hpp"
#include "app/json_text.hpp"
#include "app/list_text.hpp"
#include "app/live_source.hpp"
#include "app/object_list.hpp"
#include "app/routes/tables.hpp"
#include "app/services.hpp"
#include "app/stream_query.hpp"
#include "perdure/actors/noun.hpp"
#include "perdure/api/http/sse.hpp"
#include "perdure/base/check.hpp"

namespace perdure::api {

namespace {

constexpr const char* event_stream = "text/event-stream";
constexpr const char* page_event = "page";
constexpr std::size_t events_at_once = 100;

/// The page that a stream begins with.
struct Page {
  std::string text;
  /// Which versions it has, by id; of a list of items in one object the object's, for all.
  std::map<std::string, Seq> shown = {};
  Seq shown_of_all = 0;
  /// Where the log was when the page had been read, if it tells of something that the page may have
  /// or not.
  std::string settled_at = {};
};

Result<Page> read_page(const Context& context, const ListRequest& request) {
  const auto& runtime = context.services.runtime;
  const auto& kind = *runtime.find_kind(request.kind);
  ListText text{context};
  Page page;
  const auto end =
      runtime.list(request, [&](const ObjectId& object, const Result<ObjectView>& view) {
        const auto body =
            view ? listed_body(runtime, kind, *view) : Result<Json>{fail(view.error())};
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
Result<std::set<std::string>> changed_until(const Runtime& runtime, const LiveSource& source,
                                            EventQuery query, const std::string& end) {
  std::set<std::string> changed;
  query.limit = events_at_once;
  for (;;) {
    PERDURE_TRY(page, runtime.read_events(query));
    for (const auto& event : page.events) {
      if (event->position > position_of(end)) break;
      if (auto id = source.subject(*event)) changed.insert(std::move(*id));
    }
    if (page.at_end || position_of(page.next) >= position_of(end)) return changed;
    query.after = std::move(page.next);
  }
}

/// Sets the place in the log from which on changes are told: `query.after` stands before the page
/// was read.
Result<void> settle(const Runtime& runtime, const LiveSource& source, EventQuery& query,
                    Page& page) {
  PERDURE_TRY(end, runtime.events_end());
  PERDURE_TRY(changed, changed_until(runtime, source, query, end));
  std::erase_if(page.shown, [&](const auto& shown) { return !changed.contains(shown.first); });
  if (changed.empty()) {
    query.after = std::move(end);
  } else {
    page.settled_at = std::move(end);
  }
  return {};
}

/// What one stream tells of the changes in a list.
///
/// Threads  the streams' alone, once it is open.
class LiveList {
 public:
  explicit LiveList(LiveSourcePtr source) : source_(std::move(source)) {}

  [[nodiscard]] const LiveSource& source() const { return *source_; }

  void begin_with(Page page) {
    settled_at_ = position_of(page.settled_at);
    shown_ = std::move(page.shown);
    shown_of_all_ = page.shown_of_all;
  }

  Result<EventUse> tell(const Event& event, EventText& text) {
    const auto id = source_->subject(event);
    if (!id) return source_->whole(event);
    if (was_told(event, *id)) return EventUse::skipped;
    PERDURE_TRY(step, source_->step(event, *id));
    if (!step || (!step->is_in && !step->was_in)) return EventUse::skipped;
    if (!step->is_in) return send(event, "leave", {{"id", *id}}, text);
    if (!step->shown) return EventUse::skipped;
    return send(event, step->was_in ? "change" : "enter", *step->shown, text);
  }

 private:
  /// The page has it already, or another event of the same turn told it.
  bool was_told(const Event& event, const std::string& id) {
    if (event.seq <= shown_of_all_) return true;
    if (const auto shown = shown_.find(id); shown != shown_.end()) {
      if (event.seq <= shown->second) return true;
      shown_.erase(shown);
    }
    return std::exchange(last_, {id, event.seq}) == std::pair{id, event.seq};
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

  const LiveSourcePtr source_;
  std::map<std::string, Seq> shown_;
  Seq shown_of_all_ = 0;
  std::uint64_t settled_at_ = 0;
  std::pair<std::string, Seq> last_;
};
using LiveListPtr = std::shared_ptr<LiveList>;  // shared with the stream's rules

StreamRules rules_of(const LiveListPtr& list, std::string concerns) {
  return {.use = [list](const Event& event, EventText& text) { return list->tell(event, text); },
          .sight = StreamRules::Sight::all,
          .concerns = std::move(concerns),
          .lost = StreamRules::Lost::begins_anew};
}

void begin_with(Page page, LiveList& list, StreamRules& rules) {
  rules.first_event = page_event;
  rules.first_data = std::move(page.text);
  rules.settled_at = page.settled_at;
  list.begin_with(std::move(page));
}

Error no_cursor() {
  return invalid_parameter("cursor", "combination", "a live list begins with its first page");
}

/// Where a stream goes on; none: it begins with a page.
Result<bool> resumes(const Context& context, EventQuery& query, const LiveSource& source) {
  PERDURE_TRY(asked, stream_query(context, source.topics()));
  query = std::move(asked);
  query.principal = {};
  PERDURE_TRY(place, context.services.runtime.read_events(query));
  const bool goes_on = resume_after(context).has_value() && !place.lost;
  if (!goes_on) {
    PERDURE_TRY(end, context.services.runtime.events_end());
    query.after = std::move(end);
  }
  return goes_on;
}

Result<void> open_objects(const ContextPtr& context, const ObjectList& list) {
  auto& runtime = context->services.runtime;
  PERDURE_TRY(request, list_request(*context, list));
  if (!request.cursor.empty()) return fail(no_cursor());
  PERDURE_TRY(membership, runtime.membership(request));
  const auto live = std::make_shared<LiveList>(
      live_objects(runtime, request, std::move(membership), context->principal));
  auto rules = rules_of(live, request.owner);
  EventQuery query;
  PERDURE_TRY(goes_on, resumes(*context, query, live->source()));
  if (!goes_on) {
    PERDURE_TRY(page, read_page(*context, request));
    PERDURE_TRY_VOID(settle(runtime, live->source(), query, page));
    begin_with(std::move(page), *live, rules);
  }
  context->services.event_streams.open(context, std::move(query), std::move(rules));
  return {};
}

/// The noun's items that a call lists.
const actors::NounItems& listed_items(const actors::Noun& noun, const ObjectCall& call) {
  const auto found = std::ranges::find_if(
      noun.items, [&](const auto& items) { return "list_" + items.many == call.name; });
  PERDURE_CHECK(found != noun.items.end(), call.name);
  return *found;
}

/// `query` stands before the page was read.
Result<void> open_items(const ContextPtr& context, const ObjectCall& call, EventQuery query,
                        const Reply& reply) {
  auto& runtime = context->services.runtime;
  const auto& noun = *actors::find_noun(call.kind);
  const auto& items = listed_items(noun, call);
  const auto asked = query_as_json(*context);
  PERDURE_TRY(membership, actors::item_membership(items, asked));
  LiveItems of{.noun = noun,
               .items = items,
               .parent = reply.meta,
               .are_deleted = context->query_is("deleted", "true")};
  const auto live = std::make_shared<LiveList>(
      live_items(runtime, std::move(of), std::move(membership), context->principal));
  // The object's owner, whoever reads: what happens to the object concerns it in any case.
  auto rules = rules_of(live, reply.meta.origin->owner.text());
  const auto before = query.after;
  PERDURE_TRY(goes_on, resumes(*context, query, live->source()));
  if (!goes_on) {
    query.after = before;
    Page page{.shown_of_all = reply.meta.seq};
    append_json(page.text, reply.value);
    PERDURE_TRY_VOID(settle(runtime, live->source(), query, page));
    begin_with(std::move(page), *live, rules);
  }
  context->services.event_streams.open(context, std::move(query), std::move(rules));
  return {};
}

}  // namespace

bool wants_live(const Context& context) {
  const auto& route = context.route->route;
  if (route.also_produces != event_stream || context.request.method != http::Method::get) {
    return false;
  }
  const auto accept = joined(context.request.headers, "Accept");
  return accept && acceptance(*accept, event_stream) > acceptance(*accept, route.produces);
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
  if (auto opened = open_objects(context, list); !opened) answer(*context, opened.error());
}

void open_live_items(ContextPtr context, const ObjectCall& call) {
  if (context->find_query("cursor") != nullptr) return answer(*context, no_cursor());
  auto end = context->services.runtime.events_end();
  if (!end) return answer(*context, std::move(end).error());
  const ObjectId object{call.kind, std::string{context->values[0]}};
  if (!validate(object)) {
    return answer(*context, Error{.code = ErrorCode::not_found, .detail = "no such object"});
  }
  auto list = make_call(*context, object, call.type, call.name, query_as_json(*context));
  auto& called = *context;
  call_object(called, std::move(list),
              [context = std::move(context), &call, end = std::move(*end)](Result<Reply> reply) {
                if (!reply) return answer(*context, std::move(reply).error());
                run_slow(context, WorkClass::read, [context, &call, end, reply = *reply] {
                  auto opened = open_items(context, call, {.after = end}, reply);
                  if (!opened) answer(*context, std::move(opened).error());
                });
              });
}

}  // namespace perdure::api
