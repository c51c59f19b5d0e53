// SPDX-License-Identifier: Apache-2.0
// The operator's mark: one user and one API key bear it, those that the operator of the server
// starts it with (PERDURE_ADMIN_KEY). Names, addresses and roles say nothing of it.
//
// The mark is a claim of the object that bears it (Turn::claim). So it is in no state: nobody's
// request sets it or takes it away, an export does not carry it, and a restore, an erasure or
// another name leaves it where it is. It also outlives its bearer: a claim on an object that was
// purged is taken from it by the next one.
//
//   take_operator_mark  (command of user and api_key; by the principal `system` only) moves the
//                       mark of the kind to the object.
//
// Runtime::holder(operator_mark::space(kind), operator_mark::key) is the bearer.
#pragma once

#include <string>
#include <string_view>

namespace perdure::actors::operator_mark {

inline constexpr std::string_view command = "take_operator_mark";
inline constexpr std::string_view key = "operator";

/// Of the claims: `<kind>.operator`.
[[nodiscard]] std::string space(std::string_view kind);

}  // namespace perdure::actors::operator_mark
