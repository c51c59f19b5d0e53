// SPDX-License-Identifier: Apache-2.0
// Change events: what a turn did to its object, told without a word from the kind's code
// (ChangeEvents); and events as CloudEvents.
#pragma once

#include <optional>
#include <string>

#include "perdure/runtime/kind_definition.hpp"
#include "turn_context.hpp"

namespace perdure::runtime {

/// Adds the events of a turn that took `before` to `after`; none for a kind without change events,
/// and for a change that nobody cares about. The states are those before and after; the one of an
/// object that did not exist is not used.
void add_change_events(const KindDefinition& kind, const ObjectMeta& before,
                       const ObjectMeta& after, const Json& state_before, const Json& state_after,
                       std::vector<PublishedEvent>& events);
/// The event of a purge that left the tombstone `after`.
[[nodiscard]] std::optional<PublishedEvent> purge_event(const KindDefinition& kind,
                                                        const ObjectMeta& after);

/// CloudEvents 1.0, JSON: the nth event of the turn that made `meta`.
[[nodiscard]] std::string cloud_event(const ObjectMeta& meta, const std::string& traceparent,
                                      std::size_t index, const PublishedEvent& event);

}  // namespace perdure::runtime
