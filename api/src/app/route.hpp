// SPDX-License-Identifier: Apache-2.0
// Route: one entry of the one table. Requests are matched, checked, authorised, dispatched and
// answered from it, and /openapi.json is generated from it.
//
// Most routes are one call of one object (`ObjectCall`) or a list of objects (`ObjectList`); the
// few that are neither have a function. A new route is one entry; the usual routes of a noun follow
// from its declaration (perdure/actors/noun.hpp).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "perdure/api/http/message.hpp"
#include "perdure/runtime/call.hpp"

namespace perdure::api {

struct Context;
class SlowTask;
using ContextPtr = std::shared_ptr<Context>;  // shared: reply handlers must be copyable

// ---------------------------------------------------------------------------------- permission

enum class Access {
  open,       ///< to everybody
  any_scope,  ///< to every valid key
  read,
  write,
  destroy,  ///< what would ask a person to sign in again: only for keys that are meant for it
};
enum class Audience { user, admin };

/// `resource:read`, `resource:write` or `resource:destroy` among the scopes of the caller's key,
/// and its role.
struct Permission {
  std::string resource = {};
  Access access = Access::open;
  Audience audience = Audience::user;
};

// ----------------------------------------------------------------------------------- parameters

enum class ParameterType { text, integer, boolean, date, timestamp, as_of };

struct Parameter {
  std::string name;
  ParameterType type = ParameterType::text;
  std::string description = {};
  std::vector<std::string> values = {};  ///< the allowed ones, if they are counted
  std::int64_t minimum = 0;
  std::int64_t maximum = 0;  ///< 0: none
  /// Several: values with commas between them, of which `null` may be one (listed_values).
  enum class Takes { one, several } takes = Takes::one;
};

// --------------------------------------------------------------------------------------- targets

/// Where the id of the called object comes from.
enum class IdFrom {
  path,    ///< the first path parameter (the second, when the first one is the kind)
  caller,  ///< the caller's user id
  fresh,   ///< a new UUIDv7: the call creates the object
};

/// What the call is given.
enum class PayloadFrom {
  nothing,
  body,        ///< the body as it is
  body_query,  ///< the body, and query parameters beside it that say nothing else
  item,        ///< `{id: <last path parameter>}` and the members of the body
  changes,     ///< `{id: <last path parameter>, changes: <body>}`
  query,       ///< the query parameters, typed
  item_query,  ///< both: `{id, …}`
};

/// What becomes of the reply's value.
enum class Render {
  resource,  ///< the object's fields, to which the common members are added
  item,      ///< complete as it is
  list,      ///< `{items, next_cursor}`: gets the `Link` field
  nothing,   ///< 204
};

struct ObjectCall {
  std::string kind = {};  ///< empty: from the path parameter `kind`
  IdFrom id = IdFrom::path;
  CallType type = CallType::query;
  std::string name = {};
  PayloadFrom payload = PayloadFrom::nothing;
  Render render = Render::item;
};

/// Whose objects a list shows.
enum class ListScope {
  owner,
  all,  ///< everybody's to administrators, one's own to all others
};

/// A list by the kind's ListRules; `schema` says of which types the fields are.
struct ObjectList {
  std::string kind;
  std::string schema;
  ListScope scope = ListScope::owner;
};

/// Neither of the two: runs on the io thread and must not block.
using Function = std::function<void(ContextPtr)>;
/// What kind of slow work a request asks for; each kind has its threads (slow_work.hpp).
enum class WorkClass {
  read,      ///< looks at the store, for a page at most
  transfer,  ///< carries much, in slices
  hash,      ///< takes much memory and processor time at once
};

/// Runs on a thread of its class, in one piece: a page, a look, a hash.
struct Slow {
  Function run;
  WorkClass work = WorkClass::read;
};
/// The same for what takes longer than a slice: `begin` makes the task on the io thread.
struct Sliced {
  std::function<std::shared_ptr<SlowTask>(ContextPtr)> begin;
  WorkClass work = WorkClass::transfer;
};

/// Commands of one object, made by a function: more than an ObjectCall can say. It changes nothing
/// but by `call_object`, and answers with what comes of that, so it can be part of an atomic batch.
struct Commands {
  Function run;
  std::optional<WorkClass> slow = {};  ///< none: it runs on the io thread
};

using Target = std::variant<ObjectCall, ObjectList, Commands, Function, Slow, Sliced>;

// ----------------------------------------------------------------------------------------- routes

/// What a body is taken as.
enum class BodyUse { none, optional, required, raw };

/// Bodies that hold secrets get keyed fingerprints, so that stored ones give nothing away.
enum class Secrecy { plain, secret_body };

/// The query parameter that holds a ticket.
inline constexpr const char* ticket_parameter = "ticket";

/// What shows who is asking; tickets are for routes that a browser cannot send a header to.
enum class Credentials { key, key_or_ticket };

/// What the ETag of an answer is made of; none: the answer has none. A list has one only where it
/// is read from one object.
enum class Validator {
  seq,
  item,  ///< the seq of an item's last change
  digest,
  none,
};

/// Whether /openapi.json shows a route.
enum class Listing { shown, hidden };

struct Route {
  http::Method method = http::Method::get;
  std::string path;  ///< below /api/v1, such as `/notebooks/{id}`
  std::string operation;
  std::string tag;
  std::string summary;
  Permission permission = {};
  Target target;
  std::string request_schema = {};   ///< a name in the registry; empty: any JSON object
  std::string response_schema = {};  ///< empty: any JSON
  int status = 200;
  BodyUse body = BodyUse::none;
  std::vector<Parameter> query = {};
  std::string produces = "application/json";
  std::string also_produces = {};  ///< where clients may choose; empty: they may not
  std::string not_also = {};       ///< of a list: why it has no stream, as a part of a sentence
  std::string consumes = "application/json";
  Secrecy secrecy = Secrecy::plain;
  Credentials credentials = Credentials::key;  ///< see accept_tickets
  std::string description = {};
  Listing listing = Listing::shown;
  Validator validator = Validator::seq;
  std::string example = {};  ///< of the body, as JSON
};

}  // namespace perdure::api
