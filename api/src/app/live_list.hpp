// SPDX-License-Identifier: Apache-2.0
// Live lists: a list as a stream of Server-Sent Events. First the page that the list would answer
// with, then what changes in the whole list, whoever changes it.
//
//   event: page     data: {"items": […], "next_cursor": …}
//   event: enter    data: an item that is in the list now, and was not
//   event: change   data: an item that was in the list and still is
//   event: leave    data: {"id": …} of one that is not in it any more
//
// Whether an item was in the list before a turn and is after it, the object's own history says. So
// a stream keeps nothing but its place in the event log, which is the id of what it sends: who
// comes back with it (Last-Event-ID) goes on there, as long as the log reaches back.
#pragma once

#include <functional>

#include "app/context.hpp"
#include "app/event_streams.hpp"

namespace perdure::api {

/// Whether the client wants the list as a stream rather than as a page.
[[nodiscard]] bool wants_live(const Context& context);

/// A list of objects that is asked for as a stream.
struct LiveRequest {
  ListRequest request;
  /// Outlives the request.
  ListMembership is_in;
  std::function<Result<Json>(const ObjectView&)> shown;
  /// What the page, too, leaves out of what the request finds. Empty: nothing.
  std::function<bool(const ObjectView&)> is_hidden = {};
};

/// Answers with the stream. Reads a page: it runs as slow work.
/// Errors: those of the list; invalid for a `cursor`, or a Last-Event-ID that is none.
void open_live_list(const ContextPtr& context, const ObjectList& list);
void open_live_list(const ContextPtr& context, LiveRequest list);

/// The same for a list of the items or the rows of a log in an object, which the call asks it for.
void open_live_items(ContextPtr context, const ObjectCall& call, Json payload);

/// Why lists of what any object has, whatever its kind, have none.
inline constexpr const char* silent_turns =
    "a turn tells the event log of what its kind publishes, and not of this";

/// Gives a route of a list its second form.
void offer_live(Route& route);
/// Says why a route of a list has none, to whoever asks for it: `why` ends a sentence.
void refuse_live(Route& route, std::string why);

}  // namespace perdure::api
