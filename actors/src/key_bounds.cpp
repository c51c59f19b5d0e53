// SPDX-License-Identifier: Apache-2.0
#include "key_bounds.hpp"

#include <cstdint>
#include <vector>

#include "perdure/base/time.hpp"
#include "perdure/runtime/access.hpp"

namespace perdure::actors {

namespace {

constexpr const char* rule = "exceeds_own_key";

void check_scopes(const Principal& caller, const Json& scopes, std::vector<FieldError>& wrong) {
  std::size_t place = 0;
  for (const Json& scope : scopes) {
    const auto& name = scope.get_ref<const std::string&>();
    if (!scope_includes(caller.scopes, name)) {
      wrong.push_back({"/scopes/" + std::to_string(place), rule,
                       "your own key does not have the scope " + name});
    }
    ++place;
  }
}

/// Null: it never ends.
bool lasts_longer(const Json& key, const Json& bound) {
  if (bound.is_null()) return false;
  if (key.is_null()) return true;
  const auto end = parse_rfc3339(key.get_ref<const std::string&>());
  const auto last = parse_rfc3339(bound.get_ref<const std::string&>());
  return !end || !last || *end > *last;
}

/// Null: the limit of all keys, which is higher. The products are below 2^37.
bool is_higher(const Json& key, const Json& bound) {
  if (bound.is_null()) return false;
  if (key.is_null()) return true;
  const auto of = [](const Json& limit, const char* member) {
    return limit.at(member).get<std::int64_t>();
  };
  return of(key, "requests") > of(bound, "requests") ||
         of(key, "requests") * of(bound, "window_s") > of(bound, "requests") * of(key, "window_s");
}

bool is_faster(const Json& key, const Json& rate) {
  if (rate.is_null() || key.is_null()) return false;
  const auto requests = key.at("requests").get<double>();
  return requests > rate.get<double>() * key.at("window_s").get<double>();
}

}  // namespace

Result<void> check_within(const Principal& caller, const Json& payload, const Json& key) {
  std::vector<FieldError> wrong;
  check_scopes(caller, key.value("scopes", Json::array()), wrong);
  if (const auto within = payload.is_object() ? payload.find("within") : payload.end();
      within != payload.end()) {
    if (lasts_longer(key.value("expires_at", Json()), within->at("expires_at"))) {
      wrong.push_back({"/expires_at", rule, "your own key ends earlier"});
    }
    const Json limit = key.value("rate_limit", Json());
    if (is_higher(limit, within->at("rate_limit")) ||
        is_faster(limit, within->at("requests_per_s"))) {
      wrong.push_back({"/rate_limit", rule, "your own key has a lower rate limit"});
    }
  }
  if (wrong.empty()) return {};
  Error error{.code = ErrorCode::forbidden,
              .detail = "a key makes and changes none that holds more than itself: " +
                        wrong.front().message};
  error.fields = std::move(wrong);
  return fail(std::move(error));
}

}  // namespace perdure::actors
