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

Verdict judge(const Envelope& envelope, const Version& newest) {
  return permits(envelope.call.principal, possession_of(newest.meta, envelope.kind->reach),
                 row_of(envelope.operation).action);
}

}  // namespace

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
  if (newest.meta.seq == 0) return {};  // it is nobody's yet
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
