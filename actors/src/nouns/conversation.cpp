// SPDX-License-Identifier: Apache-2.0
// Entries of a conversation:
//
//   messages/<seq>                     a message, complete
//   ids/<id>                           the seq of the message that has this id
//   clients/<sender>/<client_id>       the seq of the message that has this client id
//   clients/<sender>/<device_id>/<client_id>   the same, of a sender that named its device
#include "perdure/actors/conversation.hpp"

#include "equal_text.hpp"
#include "errors.hpp"
#include "list_query.hpp"
#include "nouns/nouns.hpp"
#include "perdure/actors/sent_back.hpp"
#include "resource_kind.hpp"

namespace perdure::actors {

namespace {

constexpr const char* messages = "messages/";
constexpr const char* last_seq_member = "last_seq";

std::string message_key(std::uint64_t seq) { return messages + ordered_key(seq); }
std::string id_key(const std::string& id) { return "ids/" + id; }

Json body(const ObjectMeta& meta, Json message) {
  const Origin& origin = *meta.origin;
  message["conversation_id"] = origin.object.id;
  message["user_id"] = origin.owner.text().empty() ? Json(nullptr) : Json(origin.owner.text());
  message["organization_id"] = nullptr;
  message["updated_at"] = message.at("created_at");  // a message is never changed
  message["updated_by"] = message.at("created_by");
  return message;
}

/// A message that is a reply by itself. It never changes, so its seq is its validator.
Json alone(const ObjectMeta& meta, Json message) {
  auto seq = message.at("seq");
  auto whole = body(meta, std::move(message));
  whole[std::string{item_member::seq}] = std::move(seq);
  return whole;
}

/// What a new message has, but for what every message has.
Json changed_members(const Json& message) {
  auto changed = Json::array();
  for (const auto& [name, value] : message.items()) {
    const bool is_own = name == "id" || name == "seq" || name.starts_with("created_");
    if (!is_own && !value.is_null()) changed.push_back(name);
  }
  return changed;
}

/// Where it is noted that a client id was used; empty for a message without one. Takes the device
/// out of the message, which does not keep it.
std::string take_client_key(Json& message, const std::string& sender) {
  const Json device = std::move(message.at("device_id"));
  message.erase("device_id");
  const Json& client_id = message.at("client_id");
  if (client_id.is_null()) return {};
  std::string key = "clients/" + equal_text(sender) + '/';
  if (!device.is_null()) key += equal_text(device.get<std::string>()) + '/';
  return key + equal_text(client_id.get<std::string>());
}

/// Whether a stored message is what is sent now. One that was stored before a field was there has
/// that field's default.
bool says_the_same(const Fields& fields, const Json& stored, const Json& sent) {
  for (const auto& [name, value] : sent.items()) {
    if (stored.value(name, fields.defaults().at(name)) != value) return false;
  }
  return true;
}

Unexpected reused() {
  auto error = invalid_field("/client_id", "reused", "was used before for another message");
  error.code = ErrorCode::client_id_reused;
  return fail(std::move(error));
}

Result<Json> append(const Fields& fields, Turn& turn, ResourceState& self, const Json& payload) {
  PERDURE_TRY(message, fields.first(fields_of(payload)));
  PERDURE_TRY(own_id, chosen_id(payload));
  const std::string sender = actor_name(turn.principal());
  const auto client_key = take_client_key(message, sender);
  if (!client_key.empty()) {
    if (const auto known = turn.entries().get(client_key)) {
      const auto entry = turn.entries().get(message_key(known->json().get<std::uint64_t>()));
      if (entry) {
        const auto stored = entry->json();
        if (!says_the_same(fields, stored, message)) return reused();
        turn.change_nothing();
        return alone(turn.meta(), stored);
      }
    }
  }

  Json& last = self.internal().at(last_seq_member);
  const auto seq = last.get<std::uint64_t>() + 1;
  last = seq;
  message["id"] = own_id ? *own_id : turn.new_id();
  message["seq"] = seq;
  message["created_at"] = format_rfc3339(turn.now());
  message["created_by"] = sender;
  if (own_id && turn.entries().get(id_key(*own_id))) return fail(id_is_taken(*own_id));
  PERDURE_TRY_VOID(
      check_sent_back(turn.meta(), message, payload, SentIn::create, "conversation_id"));
  turn.entries().put_json(message_key(seq), message);
  turn.entries().put_json(id_key(message["id"].get<std::string>()), seq);
  if (!client_key.empty()) turn.entries().put_json(client_key, seq);
  turn.publish(std::string{conversation::message_topic},
               {{"id", message["id"]},
                {"seq", seq},
                {"parent", {{"kind", turn.object().kind}, {"id", turn.object().id}}},
                {"changed", changed_members(message)}});
  return alone(turn.meta(), std::move(message));
}

Result<Json> get_message(const View& view, const Json& payload) {
  PERDURE_TRY(id, required_text(payload, "id"));
  const auto place = is_uuid(id) ? view.entries().get(id_key(id)) : std::nullopt;
  if (!place) return fail(ErrorCode::not_found, "no such message");
  const auto message = view.entries().get(message_key(place->json().get<std::uint64_t>()));
  if (!message) return fail(ErrorCode::corrupt, "a message's id leads to no message");
  return alone(view.meta(), message->json());
}

Result<std::uint64_t> read_after(const Json& payload) {
  if (!payload.is_object()) return std::uint64_t{0};
  const auto after = payload.find("after");
  if (after == payload.end() || after->is_null()) return std::uint64_t{0};
  constexpr std::int64_t after_max = std::int64_t{1} << 53;
  const auto number = whole_number(*after);
  if (!number || *number < 0 || *number > after_max) {
    return fail(invalid_field("/after", "range", "must be the seq of a message, or 0"));
  }
  return static_cast<std::uint64_t>(*number);
}

Result<Json> list_messages(const View& view, const Json& payload) {
  const ListShape shape{.sorts = {"seq"}, .others = {"after"}};
  PERDURE_TRY(query, read_list_query(payload, shape));
  PERDURE_TRY(after, read_after(payload));
  return scan(view.entries(),
              {.prefix = messages,
               .order = query.order,
               .limit = query.limit,
               .cursor = query.cursor,
               .above = message_key(after)},
              [&](const Entry& row) { return body(view.meta(), row.json()); });
}

NounLog message_log() {
  return {.query = "list_messages",
          .id = "id",
          .topics = {"message.*", "conversation.*"},
          .prefix = [](const Json&) { return std::string{messages}; },
          .shown = [](const ObjectMeta& meta, const Json& asked, const Entry& row) -> Json {
            auto message = row.json();
            if (message.at("seq") <= asked.value("after", Json(0))) return nullptr;
            return body(meta, std::move(message));
          }};
}

}  // namespace

namespace conversation {

EntryRange messages_after(std::uint64_t seq, std::size_t limit) {
  auto range = EntryRange::prefix(messages, Order::ascending, limit);
  range.from = message_key(seq + 1);
  return range;
}

std::uint64_t last_seq(const Json& state) {
  return state.at(std::string{internal_member}).at(last_seq_member).get<std::uint64_t>();
}

std::uint64_t seq_of_event(std::string_view body) {
  const auto event = Json::parse(body, nullptr, false);
  const auto seq = event.is_object() ? event.value("/data/seq"_json_pointer, Json{}) : Json{};
  return seq.is_number_unsigned() ? seq.get<std::uint64_t>() : 0;
}

}  // namespace conversation

namespace {

Kind make(const Noun& noun) {
  auto rules = rules_of(noun);
  rules.internal = {{last_seq_member, 0}};
  return resource_kind(noun, std::move(rules))
      .command("append", [fields = Fields::of("Message")](
                             Turn& turn, ResourceState& self,
                             const Json& payload) { return append(fields, turn, self, payload); })
      .query("get_message", [](const View& view, const ResourceState&,
                               const Json& payload) { return get_message(view, payload); })
      .query("list_messages", [](const View& view, const ResourceState&,
                                 const Json& payload) { return list_messages(view, payload); })
      .query("last_seq",
             [](const ResourceState& self) { return self.internal().at(last_seq_member); });
}

}  // namespace

Noun conversation_noun() {
  return {.kind = "conversation",
          .about = "Conversations with their messages, which are only ever appended.",
          .lists = {.sorts = {{.field = "$updated_at"}, {.field = "title"}}},
          .examples = {.create = R"({"title":"Plans"})", .change = R"({"title":"Plans for May"})"},
          .logs = {message_log()},
          .topics = {{std::string{conversation::message_topic}, "{id, seq, parent, changed}",
                      "a message was appended; `seq` is the message's"}},
          .make = [](const Noun& noun, const DomainOptions&) { return make(noun); }};
}

}  // namespace perdure::actors
