// SPDX-License-Identifier: Apache-2.0
#include "quiet_reads.hpp"

#include "handler_mark.hpp"
#include "lent_thread.hpp"
#include "load_job.hpp"
#include "refusals.hpp"
#include "turn_runner.hpp"

namespace perdure::runtime {

bool QuietReads::answer(const EnvelopePtr& envelope) {
  return looks_at_root(*envelope) && (answer_at_once(*envelope) || load_and_answer(envelope));
}

bool QuietReads::answer_at_once(Envelope& envelope) {
  const auto version = around_.directory.quiet_version(envelope.call.target, around_.store.epoch());
  if (!version || !may_answer_here(envelope, *version)) return false;
  envelope.answer(answer_from(*version, envelope));
  return true;
}

bool QuietReads::load_and_answer(const EnvelopePtr& envelope) {
  if (!around_.directory.begin_loading(*envelope)) return false;
  LoadJob::schedule(around_.system.scheduler(), envelope, envelope->in_flight.cell()->owner_key(),
                    [this](Envelope& loading) { load(loading); });
  return true;
}

bool QuietReads::may_answer_here(const Envelope& envelope, const Version& version) const {
  return !lends_only_for_quick() || (version.root_bytes <= quick_root_bytes_max &&
                                     around_.paces.is_quick_to_ask(*envelope.kind));
}

Result<Reply> QuietReads::answer_from(const Version& version, const Envelope& envelope) {
  PERDURE_TRY_VOID(admit(envelope, version, envelope.accepted_steady));
  PERDURE_TRY_VOID(check_readable(envelope, version));
  const QueryTimer timer{around_.paces, envelope, version};
  const HandlerMark mark{&around_.directory, HandlerMark::Of::handler, envelope.kind->name,
                         envelope.call.name};
  return run_query(envelope, version, around_.store, nullptr);
}

void QuietReads::load(Envelope& envelope) {
  const auto cell = envelope.in_flight.cell();
  const auto& store = around_.store;
  const auto version = load_version(cell->kind, cell->object, store);
  Result<Reply> reply = opened_again();
  if (store.epoch() == cell->epoch) {
    if (version) around_.directory.loaded(*cell, *version);
    reply = version ? answer_from(**version, envelope) : fail(version.error());
  }
  envelope.answer(std::move(reply));
}

}  // namespace perdure::runtime
