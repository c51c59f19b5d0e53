// SPDX-License-Identifier: Apache-2.0
#include "ahead.hpp"

#include <algorithm>

#include "guarded.hpp"
#include "turn_context.hpp"

namespace perdure::runtime {

namespace {

bool asks_for_more(const TurnRequests& requests) {
  return requests.upkeep || !requests.entries.empty() || !requests.events.empty() ||
         !requests.claims.empty() || !requests.releases.empty() || !requests.alarms.empty() ||
         !requests.sends.empty() || !requests.streams.empty();
}

}  // namespace

bool may_run_ahead(const Envelope& envelope, const Version& newest) {
  const auto life = envelope.call.life;
  return envelope.command != nullptr && envelope.command->creates == Creates::no &&
         envelope.call.idempotency_key.empty() && !envelope.call.if_seq && !envelope.receipt &&
         !envelope.tick && !envelope.refused && newest.meta.exists() && !newest.unreadable &&
         (life == 0 || life == newest.meta.origin->born_seq);
}

Result<std::optional<AheadTurn>> run_ahead(const Envelope& envelope, const Version& newest, Seq seq,
                                           const TurnSurroundings& around) {
  Draft draft{.envelope = envelope,
              .before = newest,
              .around = around,
              .meta = {.origin = newest.meta.origin,
                       .seq = seq,
                       .schema_version = around.kind.schema_version,
                       .updated_at = std::max(envelope.accepted_at, newest.meta.updated_at),
                       .updated_by = actor_name(envelope.call.principal),
                       .grants = newest.meta.grants,
                       .is_provisional = true},
              .state = around.kind.state.copy(newest.state.get())};
  TurnContext turn{envelope, newest.meta, newest.meta.origin->born_seq, around, TurnLimits{}};
  return guarded(envelope, [&]() -> Result<std::optional<AheadTurn>> {
    PERDURE_TRY_VOID(run_handler(draft, turn));
    if (turn.requests().nothing) return AheadTurn{.version = nullptr, .value = draft.value};
    if (asks_for_more(turn.requests())) return std::optional<AheadTurn>{};
    auto version = std::make_shared<Version>();
    version->meta = std::move(draft.meta);
    version->state = std::move(draft.state);
    version->hash = newest.hash;
    version->root_bytes = newest.root_bytes;  // until it is written
    version->build = newest.build;
    version->claimed = newest.claimed;
    return AheadTurn{.version = std::move(version), .value = std::move(draft.value)};
  });
}

Result<Decision> decide_ahead(const Ahead& ahead, const Version& newest,
                              const TurnSurroundings& around) {
  Draft draft{.envelope = *ahead.last,
              .before = *ahead.base,
              .around = around,
              .meta = newest.meta,
              // A version's state is never changed; the draft only hands it on.
              .state = std::const_pointer_cast<void>(newest.state)};
  return guarded(*ahead.last, [&] { return decide(draft, TurnRequests{}); });
}

void put_back(Ahead& ahead, std::deque<EnvelopePtr>& held) {
  for (auto waiting = ahead.waiting.rbegin(); waiting != ahead.waiting.rend(); ++waiting) {
    held.push_front(std::move(waiting->envelope));
  }
  ahead.waiting.clear();
}

}  // namespace perdure::runtime
