// SPDX-License-Identifier: Apache-2.0
#include "app/live_list.hpp"

#include <map>
#include <set>
#include <utility>

#include "app/checks.hpp"
#include "app/dispatch.hpp"
#include "app/list_text.hpp"
#include "app/live_source.hpp"
#include "app/object_list.hpp"
#include "app/routes/tables.hpp"
#include "app/services.hpp"
#include "app/stream_query.hpp"
#include "perdure/actors/noun.hpp"
#include "perdure/api/http/sse.hpp"
#include "perdure/base/check.hpp"
#include "perdure/schemas/write_json.hpp"

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

Result<Page> read_page(const Context& context, const LiveRequest& asked) {
  const auto& runtime = context.services.runtime;
  ListText text{context};
  Page page;
  const auto end =
      runtime.list(asked.request, [&](const ObjectId& object, const Result<ObjectView>& view) {
        if (view && asked.is_hidden && asked.is_hidden(*view)) return Shown::passed_over;
        const auto body = view ? asked.shown(*view) : Result<Json>{fail(view.error())};
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
    const auto known = last_.first == *id ? std::max(last_.second, shown_of_all_) : shown_of_all_;
    if (was_told(event, *id)) return EventUse::skipped;
    auto steps = source_->steps(event, *id, known);
    if (!steps && steps.error().code == ErrorCode::gone) return EventUse::lost;
    if (!steps) return fail(std::move(steps).error());
    std::erase_if(*steps, [](const ListStep& step) {
      return step.is_in ? !step.shown.has_value() : !step.was_in;
    });
    if (steps->empty()) return EventUse::skipped;
    return send(event, *steps, text);
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

  /// The last step names the place: all before it come again if it does not arrive.
  Result<EventUse> send(const Event& event, const std::vector<ListStep>& steps,
                        EventText& text) const {
    std::string all;
    for (const auto& step : steps) {
      const auto json = dump_json(step.is_in ? *step.shown : step.name);
      http::ServerEvent sent{.event = !step.is_in   ? "leave"
                                      : step.was_in ? "change"
                                                    : "enter",
                             .data = json};
      const bool is_last = &step == &steps.back();
      if (is_last && event.position >= settled_at_) sent.id = event.cursor;
      PERDURE_TRY(encoded, http::encode(sent));
      if (steps.size() == 1) {
        text = std::move(encoded);
        return EventUse::sent;
      }
      all += *encoded;
    }
    text = std::make_shared<const std::string>(std::move(all));
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

Result<void> open_objects(const ContextPtr& context, LiveRequest list) {
  auto& runtime = context->services.runtime;
  const auto& request = list.request;
  if (!request.cursor.empty()) return fail(no_cursor());
  auto is_in = std::move(list.is_in);
  if (list.is_hidden) {
    is_in = [is_in = std::move(is_in), is_hidden = list.is_hidden](const ObjectView& view) {
      return is_in(view) && !is_hidden(view);
    };
  }
  const auto live = std::make_shared<LiveList>(
      live_objects(runtime, {.request = request, .is_in = std::move(is_in), .shown = list.shown},
                   context->principal()));
  auto rules = rules_of(live, request.owner);
  EventQuery query;
  PERDURE_TRY(goes_on, resumes(*context, query, live->source()));
  if (!goes_on) {
    PERDURE_TRY(page, read_page(*context, list));
    PERDURE_TRY_VOID(settle(runtime, live->source(), query, page));
    begin_with(std::move(page), *live, rules);
  }
  context->services.event_streams.open(context, std::move(query), std::move(rules));
  return {};
}

Result<LiveRequest> live_request(const Context& context, const ObjectList& list) {
  const auto& runtime = context.services.runtime;
  const auto& kind = *runtime.find_kind(list.kind);
  PERDURE_TRY(request, list_request(context, list));
  PERDURE_TRY(membership, runtime.membership(request));
  return LiveRequest{.request = std::move(request),
                     .is_in = std::move(membership),
                     .shown = [&runtime, &kind](const ObjectView& view) {
                       auto state = runtime.without_dead_references(kind, view.state);
                       return listed_body(runtime, kind, {view.meta, std::move(state)});
                     }};
}

/// What a call lists of an object, which replied so.
Result<LiveSourcePtr> source_of(const Context& context, const ObjectCall& call, const Json& asked,
                                const Reply& reply) {
  const auto& runtime = context.services.runtime;
  const auto& noun = *actors::find_noun(call.kind);
  const auto items = std::ranges::find_if(
      noun.items, [&](const auto& some) { return "list_" + some.many == call.name; });
  if (items != noun.items.end()) {
    PERDURE_TRY(membership, actors::item_membership(*items, asked));
    LiveItems of{.noun = noun,
                 .items = *items,
                 .parent = reply.meta,
                 .are_deleted = context.query_is("deleted", "true")};
    return live_items(runtime, std::move(of), std::move(membership), context.principal());
  }
  const auto log = std::ranges::find(noun.logs, call.name, &actors::NounLog::query);
  PERDURE_CHECK(log != noun.logs.end(), call.name);
  return live_log(runtime, {.log = *log, .parent = reply.meta, .asked = asked},
                  context.principal());
}

/// `query` stands before the page was read.
Result<void> open_items(const ContextPtr& context, LiveSourcePtr source, EventQuery query,
                        const Reply& reply) {
  auto& runtime = context->services.runtime;
  const auto live = std::make_shared<LiveList>(std::move(source));
  // The object's owner, whoever reads: what happens to the object concerns it in any case.
  auto rules = rules_of(live, reply.meta.origin->owner.text());
  const auto before = query.after;
  PERDURE_TRY(goes_on, resumes(*context, query, live->source()));
  if (!goes_on) {
    query.after = before;
    Page page{.shown_of_all = reply.meta.seq};
    write_json(page.text, reply.value);
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

void refuse_live(Route& route, std::string why) {
  route.not_also = "it cannot be followed as a stream, as " + std::move(why);
}

void open_live_list(const ContextPtr& context, const ObjectList& list) {
  auto asked = live_request(*context, list);
  if (!asked) return answer(*context, std::move(asked).error());
  open_live_list(context, std::move(*asked));
}

void open_live_list(const ContextPtr& context, LiveRequest list) {
  if (auto opened = open_objects(context, std::move(list)); !opened) {
    answer(*context, opened.error());
  }
}

void open_live_items(ContextPtr context, const ObjectCall& call, Json payload) {
  if (context->find_query("cursor") != nullptr) return answer(*context, no_cursor());
  auto end = context->services.runtime.events_end();
  if (!end) return answer(*context, std::move(end).error());
  const ObjectId object{call.kind, std::string{context->values[0]}};
  if (!validate(object)) {
    return answer(*context, Error{.code = ErrorCode::not_found, .detail = "no such object"});
  }
  auto list = make_call(*context, object, call.type, call.name, payload);
  auto& called = *context;
  call_object(called, std::move(list),
              [context = std::move(context), &call, payload = std::move(payload),
               end = std::move(*end)](Result<Reply> reply) {
                if (!reply) return answer(*context, of_parameters(*context, reply.error()));
                run_slow(context, WorkClass::read, [=, &call, reply = *reply] {
                  auto source = source_of(*context, call, payload, reply);
                  if (!source) return answer(*context, std::move(source).error());
                  auto opened = open_items(context, std::move(*source), {.after = end}, reply);
                  if (!opened) answer(*context, std::move(opened).error());
                });
              });
}

}  // namespace perdure::api
