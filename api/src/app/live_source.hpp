// SPDX-License-Identifier: Apache-2.0
// LiveSource: what a live list asks of what it lists, objects of a kind or items in one object.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/event_streams.hpp"
#include "perdure/actors/item_lists.hpp"
#include "perdure/runtime/runtime.hpp"

namespace perdure::api {

/// What one turn did to a list.
struct ListStep {
  bool was_in = false;
  bool is_in = false;
  /// The listed thing as the turn left it, if it is in the list and the reader may see it now.
  std::optional<Json> shown = {};
};

/// Lifetime  borrows the runtime.
/// Threads   any: it is immutable.
class LiveSource {
 public:
  virtual ~LiveSource() = default;

  /// The topics of the events that it looks at.
  [[nodiscard]] virtual std::vector<std::string> topics() const = 0;
  /// The id of the listed thing that an event is about; none: of nothing in the list.
  [[nodiscard]] virtual std::optional<std::string> subject(const Event& event) const = 0;
  /// What an event that is about nothing in the list does to the list as a whole.
  [[nodiscard]] virtual EventUse whole(const Event& event) const = 0;
  /// None where the turn lies below the history that is kept: a later one tells what became of it.
  /// Errors: those of reading what the thing shows beside its state.
  [[nodiscard]] virtual Result<std::optional<ListStep>> step(const Event& event,
                                                             const std::string& id) const = 0;
};
using LiveSourcePtr = std::unique_ptr<const LiveSource>;

[[nodiscard]] LiveSourcePtr live_objects(const Runtime& runtime, const ListRequest& request,
                                         ListMembership is_in, Principal reader);

/// What lists of items show.
struct LiveItems {
  const actors::Noun& noun;
  const actors::NounItems& items;
  ObjectMeta parent;
  bool are_deleted = false;
};
[[nodiscard]] LiveSourcePtr live_items(const Runtime& runtime, LiveItems of,
                                       actors::ItemMembership is_in, Principal reader);

}  // namespace perdure::api
