// SPDX-License-Identifier: Apache-2.0
#include "handler_mark.hpp"

#include <fmt/format.h>

namespace perdure::runtime {

thread_local const HandlerMark* HandlerMark::innermost_ = nullptr;

Result<void> HandlerMark::may_wait(const void* runtime, std::string_view what) {
  const auto* mark = innermost_;
  while (mark != nullptr && mark->runtime_ != runtime) mark = mark->outer_;
  if (mark == nullptr) return {};
  Error error{
      .code = ErrorCode::invalid,
      .detail = fmt::format(
          "the {} of {} of kind {} would block its runtime: it waits for {}. {}",
          mark->of_ == Of::handler ? "handler" : "reply handler", mark->name_, mark->kind_, what,
          mark->of_ == Of::handler
              ? "A flow asks other objects and goes on with their answers (flow.hpp)."
              : "A call that is given a reply handler waits for nothing.")};
  error.fields.push_back({"", "blocks_its_runtime", error.detail});
  return fail(std::move(error));
}

}  // namespace perdure::runtime
