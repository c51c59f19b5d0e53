// SPDX-License-Identifier: Apache-2.0
#include "once_bound.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "perdure/runtime/access.hpp"

namespace perdure::runtime {

namespace {

constexpr std::string_view prefix = "once.";
constexpr std::uint32_t counts_of_principal = 5;
constexpr std::size_t bytes_of_one = 1024;
constexpr std::size_t known_max = 10'000;
/// A call that was accepted in a period may commit later than what is known of it was read.
constexpr auto known_for = std::chrono::seconds{30};

std::chrono::seconds period_length(std::chrono::seconds window) {
  return std::max<std::chrono::seconds>((window + std::chrono::seconds{3}) / 4,
                                        std::chrono::seconds{1});
}

std::uint32_t period_at(Timestamp now, std::chrono::seconds window) {
  return static_cast<std::uint32_t>(
      std::max<std::int64_t>(to_unix_ms(now) / 1000 / period_length(window).count(), 1));
}

Timestamp begin_of(std::uint64_t period, std::chrono::seconds window) {
  return from_unix_ms(static_cast<std::int64_t>(period) * period_length(window).count() * 1000);
}

std::string count_name(const std::string& user, std::uint32_t period) {
  auto name = fmt::format("{}{}", prefix, period % counts_of_principal);
  name += '\0';
  name += user;
  return name;
}

Error too_many(std::uint64_t keys_max, Milliseconds wait) {
  Error error{.code = ErrorCode::rate_limited,
              .detail = fmt::format("{} idempotency keys are remembered, which are as many as may "
                                    "be (quotas.idempotency_keys)",
                                    keys_max)};
  error.fields.push_back({"Idempotency-Key", "quota", fmt::format("at most {}", keys_max)});
  error.retry_after =
      std::max(std::chrono::ceil<std::chrono::seconds>(wait), std::chrono::seconds{1});
  return error;
}

}  // namespace

storage::CountChange once_count(const Principal& principal, const OnceRoom& room,
                                std::size_t stored_bytes) {
  return {.name = count_name(principal.user_id, room.period),
          .by = static_cast<std::int64_t>(1 + stored_bytes / bytes_of_one),
          .most = room.most,
          .period = room.period};
}

Error explain_once(std::uint64_t keys_max, std::chrono::seconds window, Timestamp now,
                   Error error) {
  if (error.code != ErrorCode::quota_exceeded || !error.detail.starts_with(prefix)) return error;
  return too_many(keys_max, begin_of(std::uint64_t{period_at(now, window)} + 1, window) - now);
}

OnceBound::OnceBound(std::uint64_t keys_max, std::chrono::seconds window)
    : keys_max_(keys_max), window_(window) {}

std::uint64_t OnceBound::Known::used_before() const {
  return std::accumulate(before.begin(), before.end(), std::uint64_t{0});
}

Result<OnceRoom> OnceBound::room(const Principal& principal, const storage::StoreReader& rows,
                                 Timestamp now) {
  const auto& user = principal.user_id;
  if (user.empty()) return OnceRoom{};
  const auto period = period_at(now, window_);
  if (is_privileged(principal)) return OnceRoom{.period = period};
  {
    const std::scoped_lock lock{mutex_};
    const auto found = known_.find(user);
    const bool fresh = found != known_.end() && found->second.period == period &&
                       now - found->second.looked_at < known_for && now >= found->second.looked_at;
    if (fresh && found->second.used + found->second.used_before() < keys_max_) {
      ++found->second.used;
      return OnceRoom{.period = period, .most = keys_max_ - found->second.used_before()};
    }
  }
  PERDURE_TRY(known, look(user, period, rows, now));
  const auto before = known.used_before();
  const bool is_full = before + known.used >= keys_max_;
  ++known.used;
  {
    const std::scoped_lock lock{mutex_};
    if (known_.size() >= known_max) known_.clear();
    known_.insert_or_assign(user, known);
  }
  if (is_full) return fail(full(known, now));
  return OnceRoom{.period = period, .most = keys_max_ - before};
}

Result<OnceBound::Known> OnceBound::look(const std::string& user, std::uint32_t period,
                                         const storage::StoreReader& rows, Timestamp now) const {
  std::vector<std::uint32_t> periods{period};
  for (std::uint32_t i = 0; i < periods_before && i + 1 < period; ++i) {
    periods.push_back(period - 1 - i);
  }
  std::vector<storage::Read> reads;
  for (const auto one : periods) reads.emplace_back(storage::CountRead{count_name(user, one)});
  const auto answers = rows.read(reads);
  Known known{.period = period, .looked_at = now};
  for (std::size_t i = 0; i < periods.size(); ++i) {
    const auto& stored = std::get<Result<std::uint64_t>>(answers[i]);
    if (!stored) return fail(stored.error());
    const auto count = storage::PeriodCount::of(*stored);
    const auto used = count.period == periods[i] ? std::uint64_t{count.count} : std::uint64_t{0};
    (i == 0 ? known.used : known.before.at(i - 1)) = used;
  }
  return known;
}

Error OnceBound::full(const Known& known, Timestamp now) const {
  // The periods leave the window one by one, the oldest first.
  auto left = known.used + known.used_before();
  std::uint64_t ends = known.period;
  for (auto oldest = known.before.rbegin(); oldest != known.before.rend(); ++oldest) {
    ++ends;
    left -= *oldest;
    if (left < keys_max_) return too_many(keys_max_, begin_of(ends, window_) - now);
  }
  return too_many(keys_max_, begin_of(ends + 1, window_) - now);
}

void OnceBound::check_invariants() const {
  const std::scoped_lock lock{mutex_};
  PERDURE_CHECK(known_.size() <= known_max, "more users are known than may be");
  for (const auto& [user, known] : known_) {
    PERDURE_CHECK(!user.empty() && known.period > 0, "keys are counted for nobody");
  }
}

}  // namespace perdure::runtime
