// SPDX-License-Identifier: Apache-2.0
#include "stream_keeper.hpp"

#include "index_keys.hpp"
#include "perdure/base/codec.hpp"

namespace perdure::runtime {

namespace {

constexpr auto look_every = std::chrono::seconds{10};

}  // namespace

void StreamKeeper::step() {
  if (*on_their_way_ > 0 || around_.clock.monotonic() < next_look_) return;
  next_look_ = around_.clock.monotonic() + look_every;
  const auto& kinds = around_.kinds.all();
  if (around_.store.health() != storage::Health::writable) return;
  std::size_t dropped = 0;
  for (std::size_t i = 0; i < kinds.size() && dropped < drops_max; ++i) {
    dropped += drop_due(kinds[next_kind_].name(), drops_max - dropped);
    next_kind_ = (next_kind_ + 1) % kinds.size();
  }
}

std::size_t StreamKeeper::drop_due(const std::string& kind, std::size_t limit) {
  const auto kept = limits::ended_stream_kept;
  const auto before = around_.times.sure(kept) - kept;
  const auto due = around_.store.index(kind, index_names::stream_ended,
                                       {.until = time_key(before), .limit = limit});
  if (!due) return 0;  // a failing read is tried again with the next look
  on_their_way_->fetch_add(due->size());
  for (const auto& row : *due) {
    const auto ended_at = from_unix_ms(static_cast<std::int64_t>(Reader{row.key}.be64()));
    around_.intake.stream(
        {.target = {kind, row.id}},
        std::make_shared<const StreamChange>(
            StreamChange{.name = row.value, .drops = true, .ended_at = ended_at}),
        [on_their_way = on_their_way_](const Result<Reply>&) { on_their_way->fetch_sub(1); });
  }
  return due->size();
}

}  // namespace perdure::runtime
