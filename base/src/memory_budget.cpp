// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/memory_budget.hpp"

#include "perdure/base/check.hpp"

namespace perdure {

Hold& Hold::operator=(Hold&& other) noexcept {
  if (this == &other) return *this;
  release();
  budget_ = other.budget_;
  owner_ = other.owner_;
  bytes_ = std::exchange(other.bytes_, 0);
  return *this;
}

Fit Hold::resize(std::size_t bytes) {
  if (budget_ == nullptr) return Fit::yes;
  if (bytes > bytes_) {
    const auto fit = budget_->grow(owner_, bytes - bytes_);
    if (fit != Fit::yes) return fit;
  } else if (bytes < bytes_) {
    budget_->shrink(owner_, bytes_ - bytes);
  }
  bytes_ = bytes;
  return Fit::yes;
}

void Hold::release() noexcept {
  if (bytes_ > 0) budget_->shrink(owner_, std::exchange(bytes_, 0));
}

std::size_t MemoryBudget::bytes(OwnerKey owner) const {
  const auto& shard = shard_of(owner);
  const std::scoped_lock lock{shard.mutex};
  const auto found = shard.owners.find(owner);
  return found == shard.owners.end() ? 0 : found->second;
}

Fit MemoryBudget::fit_of(OwnerKey owner, std::size_t more) const {
  if (more > limits_.owner_bytes_max || bytes(owner) > limits_.owner_bytes_max - more) {
    return Fit::past_share;
  }
  if (more > limits_.all_bytes_max || bytes() > limits_.all_bytes_max - more)
    return Fit::past_budget;
  return Fit::yes;
}

Fit MemoryBudget::grow(OwnerKey owner, std::size_t more) {
  auto& shard = shard_of(owner);
  const std::scoped_lock lock{shard.mutex};
  const auto found = shard.owners.find(owner);
  const auto held = found == shard.owners.end() ? 0 : found->second;
  if (more > limits_.owner_bytes_max || held > limits_.owner_bytes_max - more) {
    return Fit::past_share;
  }
  // Counted first and taken back where it is too much: others may grow meanwhile.
  if (all_.fetch_add(more, std::memory_order_relaxed) + more > limits_.all_bytes_max) {
    all_.fetch_sub(more, std::memory_order_relaxed);
    return Fit::past_budget;
  }
  if (found == shard.owners.end()) {
    shard.owners.emplace(owner, more);
  } else {
    found->second += more;
  }
  return Fit::yes;
}

void MemoryBudget::shrink(OwnerKey owner, std::size_t less) noexcept {
  auto& shard = shard_of(owner);
  const std::scoped_lock lock{shard.mutex};
  const auto found = shard.owners.find(owner);
  PERDURE_CHECK(found != shard.owners.end() && found->second >= less,
                "more is given back than is held");
  found->second -= less;
  if (found->second == 0) shard.owners.erase(found);
  all_.fetch_sub(less, std::memory_order_relaxed);
}

Error error_of(Fit fit) {
  PERDURE_CHECK(fit != Fit::yes, "nothing was refused");
  if (fit == Fit::past_share) {
    return {.code = ErrorCode::rate_limited,
            .detail = "the server holds as much memory for this client as it may (limits.memory)",
            .retry_after = std::chrono::seconds{1}};
  }
  return {.code = ErrorCode::overloaded,
          .detail = "the server holds as much memory for its clients as it may (limits.memory)",
          .retry_after = std::chrono::seconds{1}};
}

}  // namespace perdure
