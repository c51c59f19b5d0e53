// SPDX-License-Identifier: Apache-2.0
#include "operator_mark.hpp"

namespace perdure::actors {

std::string operator_mark::space(std::string_view kind) { return std::string{kind} + ".operator"; }

void add_operator_mark(KindBuilder<ResourceState>& builder) {
  std::move(builder).command(std::string{operator_mark::command},
                             [](Turn& turn, ResourceState&) {
                               auto space = operator_mark::space(turn.object().kind);
                               // Releases come before claims: whoever bears it gives it up.
                               turn.release(space, std::string{operator_mark::key});
                               turn.claim(std::move(space), std::string{operator_mark::key});
                             },
                             {.callers = Callers::host});
}

}  // namespace perdure::actors
