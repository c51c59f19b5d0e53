// SPDX-License-Identifier: Apache-2.0
// Whether a call may run on its object.
#include <fmt/format.h>

#include "operations.hpp"

namespace perdure::runtime {

Unexpected not_found(const Envelope& envelope) {
  return fail(ErrorCode::not_found,
              fmt::format("there is no {} {}", envelope.call.target.kind, envelope.call.target.id));
}

namespace {

/// For whom the command or query is that a call names; builtin ones are for all.
Callers callers_of(const Envelope& envelope) {
  if (envelope.command != nullptr) return envelope.command->callers;
  if (envelope.query != nullptr) return envelope.query->callers;
  return Callers::by_grant;
}

Verdict judge_call(const Envelope& envelope, const Possession& of, Callers callers) {
  return permits(
      envelope.call.principal, of,
      {.action = row_of(envelope.operation).action, .callers = callers, .via = envelope.via});
}

Verdict judge(const Envelope& envelope, const Version& newest) {
  const auto of = possession_of(newest.meta, envelope.kind->reach);
  // Builtin ones may be of other actions than those of a kind.
  if (envelope.command == nullptr && envelope.query == nullptr) {
    return permits(envelope.call.principal, of, row_of(envelope.operation).action);
  }
  return judge_call(envelope, of, callers_of(envelope));
}

/// As judge, for an object that is nobody's yet: the caller stands where its owner will.
Verdict judge_first(const Envelope& envelope, Callers callers) {
  const auto owner = Owner::from_text(envelope.call.principal.user_id);
  return judge_call(envelope, {.owner = owner, .reach = envelope.kind->reach}, callers);
}

}  // namespace

Result<void> check_may_name(const Envelope& envelope, const Version& newest,
                            const CommandDefinition& command) {
  if (command.callers == Callers::by_grant) return {};  // who may set it, may call it
  const auto verdict =
      newest.meta.seq == 0
          ? judge_first(envelope, command.callers)
          : judge_call(envelope, possession_of(newest.meta, envelope.kind->reach), command.callers);
  if (verdict.allowed()) return {};
  return fail(refusal(verdict, envelope.call.target));
}

bool is_hidden(const Envelope& envelope, const Version& newest) {
  return newest.meta.seq > 0 && judge(envelope, newest).hidden();
}

Result<void> admit(const Envelope& envelope, const Version& newest, Timestamp now) {
  if (envelope.deadline && now >= *envelope.deadline) {
    Error error{.code = ErrorCode::deadline_exceeded,
                .detail = "the deadline passed before the call could run"};
    error.retry_after = std::chrono::seconds{1};
    return fail(std::move(error));
  }
  if (newest.meta.seq == 0) {  // it is nobody's yet
    const auto callers = callers_of(envelope);
    if (callers == Callers::by_grant) return {};
    const auto verdict = judge_first(envelope, callers);
    if (!verdict.allowed()) return fail(refusal(verdict, envelope.call.target));
    return {};
  }
  // A stranger learns neither that the object exists nor that it did.
  const auto verdict = judge(envelope, newest);
  if (!verdict.allowed()) return fail(refusal(verdict, envelope.call.target));
  return {};
}

Result<void> check_readable(const Envelope& envelope, const Version& newest) {
  if (!newest.unreadable) return {};
  switch (row_of(envelope.operation).unreadable) {
    case Unreadable::allowed: return {};
    case Unreadable::replaced:
      if (!newest.meta.exists()) return {};
      break;
    case Unreadable::refused: break;
  }
  return fail(newest.unreadable->error);
}

}  // namespace perdure::runtime
