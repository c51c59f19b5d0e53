// SPDX-License-Identifier: Apache-2.0
#include "commit_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "perdure/base/check.hpp"

namespace perdure::storage {
namespace {

constexpr std::size_t entry_key_bytes_max = 3u << 10;

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

/// Breaking one of these is a bug of the caller: a row would land where no read finds it.
void check_shape(const WriteSet& write_set) {
  const auto& object = write_set.object;
  PERDURE_CHECK(!object.kind.empty() && !object.id.empty(), "a write set without an object");
  PERDURE_CHECK(!has_nul(object.kind) && !has_nul(object.id), "an object name with NUL");
  if (!write_set.record) {
    PERDURE_CHECK(write_set.entries.empty(), "entries without a record");
    PERDURE_CHECK(write_set.events.empty(), "events without a record");
    PERDURE_CHECK(write_set.past == Past::kept, "the past cannot end without a record");
  }
  PERDURE_CHECK(write_set.past == Past::kept || write_set.pins.empty(), "pins of an erased past");
  for (const auto& entry : write_set.entries) {
    PERDURE_CHECK(!entry.key.empty() && entry.key.size() <= entry_key_bytes_max,
                  "an entry key has 1 to 3,072 bytes");
    PERDURE_CHECK(!has_nul(entry.key), "an entry key with NUL");
  }
  for (const auto& change : write_set.indexes) {
    PERDURE_CHECK(!change.index.empty() && !has_nul(change.index), "an index name with NUL");
  }
  for (const auto& claim : write_set.claims) {
    PERDURE_CHECK(!claim.space.empty() && !has_nul(claim.space), "a claim space with NUL");
  }
}

Result<void> check_fence(const WriteSet& write_set, CommitRules rules, Seq last) {
  if (write_set.epoch != rules.epoch) {
    return fail(ErrorCode::stale_epoch,
                fmt::format("{} was activated in epoch {}, the store is in epoch {}",
                            to_string(write_set.object), write_set.epoch, rules.epoch));
  }
  if (write_set.expected_seq != last) {
    return fail(ErrorCode::stale_precondition,
                fmt::format("{} is at seq {}, not {}", to_string(write_set.object), last,
                            write_set.expected_seq));
  }
  return {};
}

/// The rows of the past are looked for in what is committed, so none may be on their way.
Result<void> check_past(const WriteSet& write_set, std::span<const Unit> earlier) {
  if (write_set.past == Past::kept) return {};
  for (const auto& unit : earlier) {
    for (const auto& other : unit.write_sets) {
      if (other.object != write_set.object) continue;
      return fail(ErrorCode::stale_precondition,
                  fmt::format("{} has changes in the same commit that ends its past",
                              to_string(write_set.object)));
    }
  }
  return {};
}

Result<void> check_pins(const WriteSet& write_set, Seq last, CommitState& state) {
  for (const auto& pin : write_set.pins) {
    if (!pin.body) continue;
    PERDURE_TRY(floor, state.floor_of(write_set.object));
    if (pin.seq < floor) {
      return fail(ErrorCode::gone, fmt::format("{} keeps its history from seq {} on, not seq {}",
                                               to_string(write_set.object), floor, pin.seq));
    }
    const Seq newest_seq = last + (write_set.record ? 1 : 0);
    if (pin.seq > newest_seq) {
      return fail(ErrorCode::invalid,
                  fmt::format("{} has no record {} to pin", to_string(write_set.object), pin.seq));
    }
  }
  return {};
}

/// The claims of one unit, as its write sets before have left them.
class UnitClaims {
 public:
  UnitClaims(CommitRules rules, CommitState& state) : rules_(rules), state_(state) {}

  Result<void> apply(const WriteSet& write_set) {
    for (const auto& release : write_set.releases) {
      changed_[{release.space, release.key}] = false;
    }
    for (const auto& claim : write_set.claims) {
      PERDURE_TRY(taken, is_taken(claim));
      if (taken) {
        return fail(Error{
            .code = ErrorCode::conflict,
            .detail = claim.space,
            .fields = {{.pointer = claim.key, .code = "taken", .message = "Already taken."}}});
      }
      changed_[{claim.space, claim.key}] = !claim.expires || *claim.expires > rules_.now;
    }
    return {};
  }

 private:
  Result<bool> is_taken(const Claim& claim) {
    const auto found = changed_.find({claim.space, claim.key});
    if (found != changed_.end()) return found->second;
    return state_.is_claimed({claim.space, claim.key}, rules_.now);
  }

  CommitRules rules_;
  CommitState& state_;
  std::map<std::pair<std::string, std::string>, bool> changed_;
};

/// The seq that an object has once the unit's first `count` write sets are applied.
Result<Seq> seq_before(const Unit& unit, std::size_t count, CommitState& state) {
  const auto& object = unit.write_sets[count].object;
  Seq records = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto& earlier = unit.write_sets[i];
    if (earlier.record && earlier.object == object) ++records;
  }
  PERDURE_TRY(last, state.last_seq(object));
  return last + records;
}

/// The counts that one unit changes.
class UnitCounts {
 public:
  explicit UnitCounts(CommitState& state) : state_(state) {}

  Result<void> apply(const WriteSet& write_set) {
    for (const auto& change : write_set.counts) {
      PERDURE_CHECK(!change.name.empty(), "a count without a name");
      const auto [count, is_new] = changed_.try_emplace(change.name, 0);
      if (is_new) {
        PERDURE_TRY(stored, state_.count_of(change.name));
        count->second = stored;
      }
      count->second = add_to_count(count->second, change);
      const auto now = change.period == 0 ? count->second : PeriodCount::of(count->second).count;
      if (change.by > 0 && change.most && now > *change.most) {
        return fail(ErrorCode::quota_exceeded, change.name);
      }
      if (change.by < 0 && now < change.least) {
        return fail(ErrorCode::quota_exceeded, change.name);
      }
    }
    return {};
  }

 private:
  CommitState& state_;
  std::map<std::string, std::uint64_t> changed_;
};

/// The items that one unit takes.
class UnitTakes {
 public:
  explicit UnitTakes(CommitState& state) : state_(state) {}

  Result<void> apply(const WriteSet& write_set) {
    for (const auto position : write_set.takes) {
      PERDURE_TRY(waiting, state_.is_waiting(position));
      if (!waiting || !taken_.insert(position).second) {
        return fail(ErrorCode::not_found, fmt::format("the outbox has no item {}", position));
      }
    }
    return {};
  }

 private:
  CommitState& state_;
  std::set<std::uint64_t> taken_;
};

}  // namespace

std::uint64_t add_to_count(std::uint64_t stored, const CountChange& change) {
  const auto add = [by = change.by](std::uint64_t count) {
    if (by >= 0) return count + static_cast<std::uint64_t>(by);
    const auto less = std::uint64_t{0} - static_cast<std::uint64_t>(by);
    return count - std::min(count, less);
  };
  if (change.period == 0) return add(stored);
  auto count = PeriodCount::of(stored);
  // A turn that comes late, or after the clock was set back, counts in the later period.
  if (count.period < change.period) count = {change.period, 0};
  constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
  count.count = static_cast<std::uint32_t>(std::min(add(count.count), most));
  return count.stored();
}

Result<void> check_unit(const Unit& unit, CommitRules rules, CommitState& state) {
  PERDURE_CHECK(!unit.write_sets.empty(), "a unit without write sets");
  UnitClaims claims{rules, state};
  UnitTakes takes{state};
  UnitCounts counts{state};
  for (std::size_t i = 0; i < unit.write_sets.size(); ++i) {
    const auto& write_set = unit.write_sets[i];
    check_shape(write_set);
    PERDURE_TRY(last, seq_before(unit, i, state));
    PERDURE_TRY_VOID(check_fence(write_set, rules, last));
    PERDURE_TRY_VOID(takes.apply(write_set));
    PERDURE_TRY_VOID(check_past(write_set, rules.earlier));
    PERDURE_TRY_VOID(check_pins(write_set, last, state));
    PERDURE_TRY_VOID(claims.apply(write_set));
    PERDURE_TRY_VOID(counts.apply(write_set));
  }
  return {};
}

}  // namespace perdure::storage
