// SPDX-License-Identifier: Apache-2.0
// Queries that need no actor of the object's: answered from its durable version.
#include "core.hpp"
#include "loader_actor.hpp"

namespace perdure {

using runtime::Envelope;
using runtime::Operation;

namespace {

/// Whether the durable version is all that the answer takes.
bool looks_at_root(const Envelope& envelope) {
  return envelope.operation == Operation::get ||
         (envelope.operation == Operation::query && envelope.query->reads == Reads::root);
}

}  // namespace

Result<Reply> Runtime::Core::answer_from(const runtime::Version& version,
                                         const Envelope& envelope) const {
  PERDURE_TRY_VOID(admit(envelope, version, envelope.accepted_at));
  return run_query(envelope, version, *foundation_.store, nullptr);
}

bool Runtime::Core::answer_at_once(Envelope& envelope) {
  const auto version = directory_.quiet_version(envelope.call.target, foundation_.store->epoch());
  if (!version) return false;
  envelope.done(answer_from(*version, envelope));
  return true;
}

bool Runtime::Core::answer_without_actor(const runtime::EnvelopePtr& envelope) {
  return looks_at_root(*envelope) && (answer_at_once(*envelope) || load_and_answer(envelope));
}

bool Runtime::Core::load_and_answer(const runtime::EnvelopePtr& envelope) {
  envelope->cell = directory_.begin_loading(envelope->call.target, *envelope->kind);
  if (!envelope->cell) return false;
  const auto& loader = loaders_[envelope->cell->hash % loaders_.size()];
  runtime::send_to(loader, runtime::ToLoad{envelope});
  return true;
}

void Runtime::Core::load(Envelope& envelope) {
  const auto cell = std::move(envelope.cell);
  const auto& store = *foundation_.store;
  const auto version = runtime::load_version(cell->kind, cell->object, store);
  Result<Reply> reply = runtime::opened_again();
  if (store.epoch() == cell->epoch) {
    if (version) directory_.loaded(*cell, *version);
    reply = version ? answer_from(**version, envelope) : fail(version.error());
  }
  // Counted down last: while a call is counted, the runtime around the loader stays.
  envelope.done(std::move(reply));
  directory_.finished(*cell);
}

}  // namespace perdure
