// SPDX-License-Identifier: Apache-2.0
// Call and Reply: one question or intention for one object, and what came of it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "perdure/base/result.hpp"
#include "perdure/runtime/object_meta.hpp"
#include "perdure/runtime/principal.hpp"
#include "perdure/schemas/json.hpp"

namespace perdure {

enum class CallType { command, query };

/// The commands and the query that every kind has. Their payloads:
///   create   {state?}                   conflict when the object exists
///   replace  the whole state            not_found unless it exists (so the next three)
///   patch    a JSON Merge Patch (RFC 7396)
///   remove   -                          leaves a tombstone; `undelete` brings it back
///   undelete -
///   purge    {deleted_before?: date-time}   of a deleted object, for good: journal, snapshots,
///            entries and alarms go, and what is left is a tombstone that keeps its seq and owner.
///            conflict when it is not deleted, or not before then
///   restore  {seq}                      a new record with state and entries as of `seq`
///   pin      {seq?, name?}              names the record at `seq` (default: the last)
///   unpin    {seq}
///   import   {state, entries: [{key, value}], created_at?}   conflict when the object exists
///   share    {grantee: {user_id} or {organization_id}, role: viewer or editor}   grants it, or
///            another role than before; forbidden but for who may administer the object, and for
///            kinds with Reach::system. The value of the reply: {grants}, as to_json has them
///   unshare  {grantee}   withdraws a grant; not_found when there is none
///   set_alarm     an alarm, as parse_alarm_spec reads it; no record
///   cancel_alarm  {name}                no record
///   take     -                          ends an outbox item of the object; the runtime's own
///   get      -                          (query) the state
namespace builtin {
inline constexpr std::string_view create = "$create";
inline constexpr std::string_view replace = "$replace";
inline constexpr std::string_view patch = "$patch";
inline constexpr std::string_view remove = "$remove";
inline constexpr std::string_view undelete = "$undelete";
inline constexpr std::string_view purge = "$purge";
inline constexpr std::string_view restore = "$restore";
inline constexpr std::string_view pin = "$pin";
inline constexpr std::string_view unpin = "$unpin";
inline constexpr std::string_view import = "$import";
inline constexpr std::string_view share = "$share";
inline constexpr std::string_view unshare = "$unshare";
inline constexpr std::string_view set_alarm = "$set_alarm";
inline constexpr std::string_view cancel_alarm = "$cancel_alarm";
inline constexpr std::string_view take = "$take";
inline constexpr std::string_view get = "$get";
}  // namespace builtin

struct Call {
  ObjectId target;
  CallType type = CallType::command;
  std::string name;
  Json payload = nullptr;
  Principal principal = {};
  /// Commands only, 1 to 255 bytes. The reply is stored with the change and replayed to the
  /// principal's later calls with the same key, for `RuntimeOptions::idempotency_window`.
  std::string idempotency_key = {};
  /// What makes two calls with one key "the same": default is target, name and payload.
  std::string idempotency_fingerprint = {};
  /// The seq that the caller believes is the newest: stale_precondition otherwise.
  std::optional<Seq> if_seq = {};
  /// Past it a call that has not run yet is refused as deadline_exceeded.
  std::optional<Timestamp> deadline = {};
  /// Owner of the object, if this call creates it; default is the principal's user.
  /// forbidden for a `user` principal to name another.
  std::optional<std::string> owner = {};
  /// Commands only: the life of the object that is meant, by its born seq. In another one the
  /// command is refused as not_found. 0: whichever there is.
  Seq life = 0;
  std::string request_id = {};   ///< kept in the record
  std::string traceparent = {};  ///< W3C Trace Context, kept in the record
};

struct Reply {
  Json value;
  ObjectMeta meta;        ///< the object after the command, or as the query saw it
  bool replayed = false;  ///< stored by an earlier call with the same idempotency key
};

/// Called exactly once, on any thread, possibly before the call that was given it returns.
/// It must not block.
using ReplyHandler = std::function<void(Result<Reply>)>;

}  // namespace perdure
