// SPDX-License-Identifier: Apache-2.0
// The commands and the query that every kind has, by their names.
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "envelope.hpp"
#include "going_along.hpp"

namespace perdure::runtime {

inline constexpr std::array builtin_operations{
    std::pair{builtin::get, Operation::get},
    std::pair{builtin::create, Operation::create},
    std::pair{builtin::replace, Operation::replace},
    std::pair{builtin::patch, Operation::patch},
    std::pair{builtin::remove, Operation::remove},
    std::pair{builtin::undelete, Operation::undelete},
    std::pair{builtin::purge, Operation::purge},
    std::pair{builtin::restore, Operation::restore},
    std::pair{builtin::pin, Operation::pin},
    std::pair{builtin::unpin, Operation::unpin},
    std::pair{builtin::import, Operation::import},
    std::pair{builtin::share, Operation::share},
    std::pair{builtin::unshare, Operation::unshare},
    std::pair{builtin::set_alarm, Operation::set_alarm},
    std::pair{builtin::cancel_alarm, Operation::cancel_alarm},
    std::pair{builtin::take, Operation::take},
    std::pair{take_along_command, Operation::take_along},
};

}  // namespace perdure::runtime
