// SPDX-License-Identifier: Apache-2.0
// LiveSource: what a live list asks of what it lists: objects of a kind, or items or rows of a log
// in one object.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/event_streams.hpp"
#include "perdure/actors/item_lists.hpp"
#include "perdure/runtime/runtime.hpp"

namespace perdure::api {

/// What one turn did to a list, with one listed thing.
struct ListStep {
  /// What it is known by: `{"id": …}`.
  Json name;
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
  /// What in the list an event is about, so that of several events of its turn one is told: the id
  /// of the listed thing, or of what holds it. None: nothing.
  [[nodiscard]] virtual std::optional<std::string> subject(const Event& event) const = 0;
  /// What an event that is about nothing in the list does to the list as a whole.
  [[nodiscard]] virtual EventUse whole(const Event& event) const = 0;
  /// `known` is the newest turn of the subject of which the reader has been told, as far as that is
  /// known; 0: it is not.
  /// Nothing where the turn lies below the history that is kept, and a later one tells what became
  /// of it. Errors: gone, where none does; those of reading what the thing shows beside its state.
  [[nodiscard]] virtual Result<std::vector<ListStep>> steps(const Event& event,
                                                            const std::string& subject,
                                                            Seq known) const = 0;
};
using LiveSourcePtr = std::unique_ptr<const LiveSource>;

/// What lists of objects show.
struct LiveObjects {
  const ListRequest& request;
  ListMembership is_in;
  std::function<Result<Json>(const ObjectView&)> shown;
};
[[nodiscard]] LiveSourcePtr live_objects(const Runtime& runtime, LiveObjects of, Principal reader);

/// What lists of items show.
struct LiveItems {
  const actors::Noun& noun;
  const actors::NounItems& items;
  ObjectMeta parent;
  bool are_deleted = false;
};
[[nodiscard]] LiveSourcePtr live_items(const Runtime& runtime, LiveItems of,
                                       actors::ItemMembership is_in, Principal reader);

/// The list of a log, as `asked` asks for it.
struct LiveLog {
  const actors::NounLog& log;
  ObjectMeta parent;
  Json asked;
};
[[nodiscard]] LiveSourcePtr live_log(const Runtime& runtime, LiveLog of, Principal reader);

/// What an event of the object that holds the listed things does to their list, if it is about none
/// of them: it ends with the object, and with the right to read it.
[[nodiscard]] EventUse use_of_parent(const Runtime& runtime, const ObjectId& parent,
                                     const Principal& reader, const Event& event);
/// The topics of such events.
[[nodiscard]] std::vector<std::string> topics_of_parent(const std::string& kind);

}  // namespace perdure::api
