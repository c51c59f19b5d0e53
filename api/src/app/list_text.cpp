// SPDX-License-Identifier: Apache-2.0
#include "app/list_text.hpp"

#include "app/checks.hpp"
#include "app/dispatch.hpp"
#include "perdure/schemas/write_json.hpp"

namespace perdure::api {

ListText::ListText(const Context& context)
    : budget_({.items_max = static_cast<std::size_t>(number_or(context, "limit", 50))}) {}

Shown ListText::add(const Json& item) {
  const auto before = text_.size();
  if (text_.back() != '[') text_ += ',';
  write_json(text_, item);
  if (budget_.take(text_.size() - before)) return Shown::taken;
  text_.resize(before);
  return Shown::refused;
}

Shown ListText::add_unreadable(const ObjectId& object) { return add_unreadable(to_string(object)); }

Shown ListText::add_unreadable(std::string name) {
  constexpr std::size_t around = 3;  // quotes and a comma
  if (!budget_.take(name.size() + around)) return Shown::refused;
  unreadable_.push_back(std::move(name));
  return Shown::taken;
}

void ListText::send(Context& context, std::string_view next_cursor) && {
  ListEnd end;
  end.next_cursor = next_cursor;
  std::move(*this).send_counted(context, end);
}

std::string ListText::text(const ListEnd& end) && {
  text_ += R"(],"next_cursor":)";
  write_json(text_, end.next_cursor.empty() ? Json(nullptr) : Json(end.next_cursor));
  if (end.total && end.total->precision == ListTotal::Precision::exact) {
    text_ += R"(,"total":)" + std::to_string(end.total->count);
  } else if (end.total) {
    text_ += R"(,"total":null,"total_at_least":)" + std::to_string(end.total->count);
  }
  if (!unreadable_.empty()) {
    text_ += R"(,"unreadable":)";
    write_json(text_, unreadable_);
  }
  text_ += '}';
  return std::move(text_);
}

void ListText::send_counted(Context& context, const ListEnd& end) && {
  JsonAnswer json{.text = std::move(*this).text(end)};
  json.link = next_link(context, end.next_cursor);
  answer(context, std::move(json));
}

}  // namespace perdure::api
