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
  if (around_.reads == nullptr) {
    schedule_load(envelope, nullptr);
    return true;
  }
  around_.reads->fetch(envelope->in_flight.cell()->owner_key(),
                       {.reads = {storage::LastRecordRead{envelope->call.target}},
                        .done = [this, envelope](std::vector<storage::Read> reads,
                                                 std::vector<storage::ReadAnswer> answers) {
                          auto rows = std::make_shared<ReadSet>();
                          rows->put(std::move(reads), std::move(answers));
                          schedule_load(envelope, std::move(rows));
                        }});
  return true;
}

void QuietReads::schedule_load(const EnvelopePtr& envelope, std::shared_ptr<const ReadSet> rows) {
  LoadJob::schedule(around_.system.scheduler(), envelope, envelope->in_flight.cell()->owner_key(),
                    [this, rows = std::move(rows)](Envelope& loading) {
                      if (rows) return load(loading, *rows);
                      load(loading, around_.store);
                    });
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

void QuietReads::load(Envelope& envelope, const storage::StoreReader& rows) {
  const auto cell = envelope.in_flight.cell();
  const auto version = load_version(cell->kind, cell->object, rows);
  Result<Reply> reply = opened_again();
  if (around_.store.epoch() == cell->epoch) {
    if (version) around_.directory.loaded(*cell, *version);
    reply = version ? answer_from(**version, envelope) : fail(version.error());
  }
  envelope.answer(std::move(reply));
}

}  // namespace perdure::runtime
