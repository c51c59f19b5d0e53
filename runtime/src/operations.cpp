// SPDX-License-Identifier: Apache-2.0
#include "operations.hpp"

#include <algorithm>
#include <array>

#include "alarm_turns.hpp"
#include "builtin_turns.hpp"
#include "going_along.hpp"
#include "stream_turns.hpp"

namespace perdure::runtime {

namespace {

constexpr std::array rows{
    OperationRow{.operation = Operation::command, .life = Life::may_begin},
    OperationRow{.operation = Operation::query, .action = Action::read},
    OperationRow{.operation = Operation::get, .name = builtin::get, .action = Action::read},
    OperationRow{.operation = Operation::create,
                 .name = builtin::create,
                 .life = Life::begins,
                 .unreadable = Unreadable::replaced,
                 .change = create},
    OperationRow{.operation = Operation::replace,
                 .name = builtin::replace,
                 .unreadable = Unreadable::allowed,
                 .change = replace},
    OperationRow{.operation = Operation::patch,
                 .name = builtin::patch,
                 .unreadable = Unreadable::allowed,
                 .change = patch},
    OperationRow{.operation = Operation::remove,
                 .name = builtin::remove,
                 .action = Action::administer,
                 .unreadable = Unreadable::allowed,
                 .change = remove},
    OperationRow{.operation = Operation::undelete,
                 .name = builtin::undelete,
                 .action = Action::administer,
                 .life = Life::deleted,
                 .change = undelete},
    OperationRow{.operation = Operation::purge,
                 .name = builtin::purge,
                 .action = Action::administer,
                 .life = Life::deleted,
                 .unreadable = Unreadable::allowed,
                 .step = Step::no,  // it looks for rows that are committed
                 .decide = run_purge},
    OperationRow{.operation = Operation::restore,
                 .name = builtin::restore,
                 .unreadable = Unreadable::allowed,
                 .change = restore},
    OperationRow{.operation = Operation::pin,
                 .name = builtin::pin,
                 .unreadable = Unreadable::allowed,
                 .decide = run_pin},
    OperationRow{.operation = Operation::unpin,
                 .name = builtin::unpin,
                 .unreadable = Unreadable::allowed,
                 .decide = run_pin},
    OperationRow{.operation = Operation::import,
                 .name = builtin::import,
                 .life = Life::begins,
                 .unreadable = Unreadable::replaced,
                 .change = import_state},
    OperationRow{.operation = Operation::share,
                 .name = builtin::share,
                 .action = Action::share,
                 .change = share},
    OperationRow{.operation = Operation::unshare,
                 .name = builtin::unshare,
                 .action = Action::administer,
                 .change = unshare},
    OperationRow{.operation = Operation::set_alarm,
                 .name = builtin::set_alarm,
                 .life = Life::may_begin,
                 .change = begin_with_alarm,
                 .decide = run_alarm_change},
    OperationRow{.operation = Operation::cancel_alarm,
                 .name = builtin::cancel_alarm,
                 .unreadable = Unreadable::allowed,
                 .decide = run_alarm_change},
    OperationRow{.operation = Operation::flows, .name = builtin::flows, .action = Action::read},
    // Its activation carries it out, whoever holds the object.
    OperationRow{.operation = Operation::give_up_flow,
                 .name = builtin::give_up_flow,
                 .action = Action::administer,
                 .life = Life::any,
                 .unreadable = Unreadable::allowed,
                 .step = Step::no},
    OperationRow{.operation = Operation::take,
                 .name = builtin::take,
                 .life = Life::any,
                 .unreadable = Unreadable::allowed,
                 .step = Step::no,  // the runtime's own
                 .decide = take},
    OperationRow{.operation = Operation::stream,
                 .life = Life::any,  // what has ended is dropped in time
                 .unreadable = Unreadable::allowed,
                 .step = Step::no,
                 .decide = run_stream},
    OperationRow{.operation = Operation::flush, .step = Step::no},
    OperationRow{.operation = Operation::take_along,
                 .name = take_along_command,
                 .life = Life::any,  // who goes along has to, also when the whole was purged
                 .unreadable = Unreadable::allowed,
                 .decide = take_along},
    OperationRow{.operation = Operation::hold, .unreadable = Unreadable::allowed},
    OperationRow{.operation = Operation::fire, .life = Life::any, .decide = run_alarm},
    OperationRow{.operation = Operation::transaction},
};

constexpr bool stand_in_order() {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows.at(i).operation != static_cast<Operation>(i)) return false;
  }
  return rows.size() == static_cast<std::size_t>(Operation::transaction) + 1;
}
static_assert(stand_in_order(), "each operation has a row at its number");

}  // namespace

const OperationRow& row_of(Operation operation) {
  return rows.at(static_cast<std::size_t>(operation));
}

const OperationRow* find_builtin(std::string_view name) {
  if (name.empty()) return nullptr;
  const auto* const found = std::ranges::find(rows, name, &OperationRow::name);
  return found == rows.end() ? nullptr : found;
}

}  // namespace perdure::runtime
