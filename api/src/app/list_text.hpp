// SPDX-License-Identifier: Apache-2.0
// ListText: the answer of a list while it is made: item by item, until the page is full. Every list
// that the application makes itself goes through it; those that objects make of their entries are
// bounded by the same PageBudget (actors/src/list_query.hpp).
#pragma once

#include <string>
#include <string_view>

#include "app/context.hpp"
#include "perdure/runtime/inspect.hpp"
#include "perdure/runtime/page.hpp"

namespace perdure::api {

/// Limits  as many items as the request's `limit` says; limits::page_bytes_max of text, but for one
///         item that is larger.
class ListText {
 public:
  explicit ListText(const Context& context);

  /// Refused when the page has no room for it: it is the next page's first one then.
  [[nodiscard]] Shown add(const Json& item);
  [[nodiscard]] Shown add_unreadable(const ObjectId& object);
  /// What has a name of its own in its list, such as an alarm.
  [[nodiscard]] Shown add_unreadable(std::string name);

  [[nodiscard]] bool full() const { return budget_.full(); }
  /// How many items may still come.
  [[nodiscard]] std::size_t left() const { return budget_.items_left(); }

  /// `{"items": […], "next_cursor": …}`, with all that send_counted adds.
  [[nodiscard]] std::string text(const ListEnd& end) &&;
  /// Answers with `{"items": […], "next_cursor": …}`; an empty cursor is the end. With
  /// `"unreadable": […]` if something is.
  void send(Context& context, std::string_view next_cursor) &&;
  /// The same, with `"total"` if it was counted, or `"total": null` and `"total_at_least"`.
  void send_counted(Context& context, const ListEnd& end) &&;

 private:
  PageBudget budget_;
  std::string text_ = R"({"items":[)";
  Json unreadable_ = Json::array();
};

}  // namespace perdure::api
