// SPDX-License-Identifier: Apache-2.0
#include "webhook_rows.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <vector>

#include "errors.hpp"
#include "perdure/actors/resource.hpp"
#include "perdure/base/crypto.hpp"
#include "perdure/runtime/page.hpp"

namespace perdure::actors {

namespace {

constexpr std::size_t ordered_key_size = 16;
constexpr std::size_t id_number_size = 12;

}  // namespace

std::string row_key(std::string_view prefix, std::uint64_t number) {
  return std::string{prefix} + ordered_key(number);
}

std::string body_key(std::uint64_t number) { return row_key("bodies/", number); }

// Ids of events hold those of objects, which may be longer than a key.
std::string event_key(const std::string& event_id) {
  return "events/" + to_hex(bytes_of(sha256(event_id)).substr(0, 16));
}

std::string queue_key(Timestamp due, std::uint64_t number) {
  const auto ms = static_cast<std::uint64_t>(std::max<std::int64_t>(to_unix_ms(due), 0));
  return row_key(queue_prefix, ms) + '/' + ordered_key(number);
}

std::string legacy_id_key(const std::string& id) { return "ids/" + id; }

std::string ended_key(std::string_view status, std::uint64_t number) {
  return row_key(std::string{status} + '/', number);
}

std::uint64_t number_in(std::string_view key) {
  const auto size = std::min(key.size(), ordered_key_size);
  const auto digits = key.substr(key.size() - size);
  const auto begin = digits.find_last_of("/-") + 1;  // npos + 1 is 0
  std::uint64_t number = 0;
  std::from_chars(digits.data() + begin, digits.data() + digits.size(), number, 16);
  return number;
}

Timestamp due_in(std::string_view queue_key) {
  const auto due = number_in(queue_key.substr(0, queue_prefix.size() + ordered_key_size));
  return from_unix_ms(static_cast<std::int64_t>(due));
}

std::optional<Milliseconds> wait_in(std::string_view value) {
  std::int64_t wait = 0;
  const auto* end = value.data() + value.size();
  const auto [rest, failure] = std::from_chars(value.data(), end, wait);
  if (failure != std::errc{} || rest != end || wait < 0) return {};
  return Milliseconds{wait};
}

std::string delivery_id(std::string fresh, std::uint64_t number) {
  const auto digits = ordered_key(number);
  fresh.replace(fresh.size() - id_number_size, id_number_size,
                digits.substr(ordered_key_size - id_number_size));
  return fresh;
}

bool has_number(const std::string& id, std::uint64_t number) {
  return is_uuid(id) && number_in(id) == number;
}

std::optional<Json> find_delivery(const EntryReader& entries, const std::string& id) {
  if (!is_uuid(id)) return {};
  const auto load = [&](std::uint64_t number) -> std::optional<Json> {
    const auto entry = entries.get(row_key(deliveries_prefix, number));
    if (!entry) return {};
    auto delivery = entry->json();
    if (delivery.at("id") != id) return {};
    return delivery;
  };
  if (auto delivery = load(number_in(id))) return delivery;
  const auto place = entries.get(legacy_id_key(id));
  if (!place) return {};
  return load(place->json().get<std::uint64_t>());
}

Json delivery_body(const ObjectMeta& webhook, Json delivery) {
  delivery.erase(std::string{internal_member});
  delivery["webhook_id"] = webhook.object().id;
  return delivery;
}

Json delivery_alone(const ObjectMeta& webhook, Json delivery) {
  const auto seq = seq_of_delivery(delivery);
  auto body = delivery_body(webhook, std::move(delivery));
  body[std::string{item_member::seq}] = seq;
  return body;
}

Seq seq_of_delivery(const Json& delivery) {
  return delivery.at(std::string{internal_member}).value("seq", Seq{1});
}

namespace {

constexpr auto no_end = std::numeric_limits<std::uint64_t>::max();

/// Rows of one prefix, of deliveries with numbers `from <= number < until`.
struct Stretch {
  std::string prefix;
  std::uint64_t from;
  std::uint64_t until;
};

/// Where deliveries of a status are found, in the order of their numbers; of all, if it is empty.
std::vector<Stretch> stretches_of(const std::string& status, const Json& internal) {
  const std::string all{deliveries_prefix};
  if (status.empty()) return {{all, 0, no_end}};
  const auto rows_from = internal.at("rows_from").get<std::uint64_t>();
  const auto next_try = internal.at("next_try").get<std::uint64_t>();
  std::vector<Stretch> stretches;
  if (rows_from > 1) stretches.push_back({all, 0, rows_from});
  if (status != "pending") {
    stretches.push_back({status + '/', rows_from, no_end});
    return stretches;
  }
  stretches.push_back({std::string{waiting_prefix}, rows_from, next_try});
  stretches.push_back({all, std::max(rows_from, next_try), no_end});
  return stretches;
}

/// Makes a page out of stretches, from one end to the other.
class PageOfDeliveries {
 public:
  PageOfDeliveries(const View& view, const LogQuery& query, std::string status)
      : view_(view),
        status_(std::move(status)),
        order_(query.order),
        limit_(query.limit),
        budget_({.items_max = query.limit}) {}

  /// False: the page has ended, and more follows.
  bool walk(const Stretch& stretch) {
    EntryRange range{.from = row_key(stretch.prefix, stretch.from),
                     .until = row_key(stretch.prefix, stretch.until),
                     .order = order_,
                     .limit = limit_ + 1,
                     .bytes_max = limits::page_items_bytes_max};
    for (bool more = true; more;) {
      const auto rows = view_.entries().range(range);
      more = range.may_go_on(rows);
      for (const auto& row : rows) {
        if (!take(row)) return false;
      }
      if (more) range = range.after(rows);
    }
    return true;
  }

  [[nodiscard]] Json items() { return std::move(items_); }
  [[nodiscard]] std::uint64_t last() const { return last_; }

 private:
  bool take(const Entry& row) {
    if (budget_.full() || !budget_.look()) return false;
    const auto number = number_in(row.key);
    const auto delivery =
        row.key.starts_with(deliveries_prefix) ? std::optional{row} : load(number);
    if (!delivery) return skip(number);
    auto json = delivery->json();
    if (!status_.empty() && json.at("status") != status_) return skip(number);
    auto body = delivery_body(view_.meta(), std::move(json));
    // The comma that follows counts, too.
    if (!budget_.take(serialized_size(body) + 1)) return false;
    items_.push_back(std::move(body));
    return skip(number);
  }
  bool skip(std::uint64_t number) {
    last_ = number;
    return true;
  }
  [[nodiscard]] std::optional<Entry> load(std::uint64_t number) const {
    return view_.entries().get(row_key(deliveries_prefix, number));
  }

  const View& view_;
  const std::string status_;
  const Order order_;
  const std::size_t limit_;
  PageBudget budget_;
  Json items_ = Json::array();
  std::uint64_t last_ = 0;  ///< that was looked at
};

}  // namespace

Result<Json> list_deliveries(const View& view, const Json& internal, const Json& payload) {
  const ListShape shape{
      .sorts = {"created_at"}, .default_order = Order::descending, .filters = {"status"}};
  PERDURE_TRY(query, read_list_query(payload, shape));
  const auto wanted = query.filters.find("status");
  const std::string status = wanted == query.filters.end() ? "" : wanted->second;
  auto stretches = stretches_of(status, internal);
  if (!query.cursor.empty()) {
    const auto key = from_base64url(query.cursor);
    const auto at = key ? number_in(*key) : 0;
    if (at == 0 || *key != row_key(deliveries_prefix, at)) {
      return fail(invalid_field("/cursor", "invalid_cursor", "is no next_cursor of this list"));
    }
    for (auto& stretch : stretches) {
      if (query.order == Order::ascending) stretch.from = std::max(stretch.from, at + 1);
      if (query.order == Order::descending) stretch.until = std::min(stretch.until, at);
    }
  }
  if (query.order == Order::descending) std::ranges::reverse(stretches);
  PageOfDeliveries page{view, query, status};
  Json next_cursor = nullptr;
  for (const auto& stretch : stretches) {
    if (stretch.from >= stretch.until || page.walk(stretch)) continue;
    next_cursor = to_base64url(row_key(deliveries_prefix, page.last()));
    break;
  }
  return Json{{list::items, page.items()}, {list::next_cursor, std::move(next_cursor)}};
}

}  // namespace perdure::actors
