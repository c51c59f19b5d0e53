// SPDX-License-Identifier: Apache-2.0
#include "purger.hpp"

#include "index_keys.hpp"

namespace perdure::runtime {

namespace {

constexpr auto look_every = std::chrono::seconds{10};

}  // namespace

Purger::Purger(const storage::Store& store, const std::vector<Kind>& kinds, const RowNames& rows,
               const Clock& clock, const Times& times, std::chrono::seconds purge_after, Send send)
    : store_(store),
      rows_(rows),
      clock_(clock),
      times_(times),
      purge_after_(purge_after),
      send_(std::move(send)) {
  for (const auto& kind : kinds) {
    chores_.push_back({.kind = kind.name(),
                       .index = std::string{index_names::deleted_at},
                       .command = std::string{builtin::purge},
                       .limit_member = "deleted_before"});
    for (const auto& purge : kind.definition().purges) {
      chores_.push_back({.kind = kind.name(),
                         .index = purge_index(purge),
                         .command = purge.command,
                         .limit_member = "before"});
    }
  }
}

void Purger::step() {
  if (progress_->on_their_way > 0 || clock_.monotonic() < next_look_) return;
  // What failed is still due, and may well fail again at once.
  const bool failed = progress_->failed.exchange(false);
  next_look_ = clock_.monotonic() + look_every;
  if (failed || store_.health() != storage::Health::writable) return;
  std::size_t sent = 0;
  for (std::size_t i = 0; i < chores_.size() && sent < calls_max; ++i) {
    sent += send_due(chores_[next_chore_], calls_max - sent);
    next_chore_ = (next_chore_ + 1) % chores_.size();
  }
  if (sent > 0) next_look_ = clock_.monotonic();
}

std::size_t Purger::send_due(const Chore& chore, std::size_t limit) {
  const auto before = times_.sure(purge_after_) - purge_after_;
  const auto* part = rows_.of(chore.kind).find_index(chore.index);
  const auto& index = part != nullptr ? part->stored : chore.index;
  const auto due = store_.index(chore.kind, index, {.until = time_key(before), .limit = limit});
  if (!due || due->empty()) return 0;  // a failing read is tried again with the next look
  progress_->on_their_way += due->size();
  for (const auto& row : *due) {
    send_({.target = {chore.kind, row.id},
           .name = chore.command,
           .payload = {{chore.limit_member, format_rfc3339(before)}}},
          [progress = progress_](const Result<Reply>& reply) {
            if (!reply) progress->failed = true;
            --progress->on_their_way;
          });
  }
  return due->size();
}

void Purger::check_invariants() const {
  PERDURE_CHECK(progress_->on_their_way.load() <= calls_max, "more is purged at once than may be");
  PERDURE_CHECK(chores_.empty() || next_chore_ < chores_.size(), "the next look is at no kind");
}

}  // namespace perdure::runtime
