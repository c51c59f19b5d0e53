// SPDX-License-Identifier: Apache-2.0
#include "app/live_grant.hpp"

#include <fmt/format.h>

#include <limits>

#include "app/authenticate.hpp"
#include "app/checks.hpp"
#include "app/services.hpp"

namespace perdure::api {

Result<LiveGrant> LiveGrant::of(const Context& context) {
  auto& services = context.services;
  const bool has_quota = !is_privileged(context.principal());
  const auto most =
      has_quota ? services.options.sockets_per_user_max : std::numeric_limits<std::size_t>::max();
  auto place = services.live_places.take(context.owner(), most);
  if (place == nullptr) {
    return fail(ErrorCode::quota_exceeded,
                fmt::format("the user has {} streams and WebSockets open, which is its quota "
                            "(quotas.sockets)",
                            most));
  }
  return LiveGrant{*context.route, context.key, context.standing, std::move(place)};
}

LiveGrant::Verdict LiveGrant::look(Application::Services& services,
                                   const std::function<void()>& answered) {
  if (key_->ended) return Verdict::ended;
  if (!standing_->holds()) {
    // Somebody else may have asked already.
    if (auto newest = key_->standing()) standing_ = std::move(newest);
  }
  const auto& expires_at = standing_->grant.expires_at;
  if (expires_at && *expires_at <= services.clock.now()) return Verdict::expired;
  if (!check_permission(*route_, standing_.get())) return Verdict::refused;
  if (standing_->holds()) return Verdict::holds;
  if (key_->asking.exchange(true)) return Verdict::unsure;
  ask_standing(services, key_,
               [key = key_, answered](const Result<std::shared_ptr<const Standing>>& standing) {
                 const bool ended =
                     !standing && standing.error().code == ErrorCode::unauthenticated;
                 if (ended) key->ended = true;
                 key->asking = false;
                 // What failed for now is asked again at the next look, not at once.
                 if (standing || ended) answered();
               });
  return Verdict::unsure;
}

}  // namespace perdure::api
