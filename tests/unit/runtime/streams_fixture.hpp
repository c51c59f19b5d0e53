// SPDX-License-Identifier: Apache-2.0
// A kind whose objects have a stream, and a stream as text.
#pragma once

#include <fmt/format.h>

#include "perdure/runtime/runtime.hpp"

namespace perdure {

struct Run {
  std::string transcript;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Run, transcript)

inline Kind run_kind() {
  return kind<Run>("run")
      .command("start", [](Turn&, Run&) {})
      .command("say",
               [](Turn& turn, Run&, const std::string& text) { turn.append("answer", text); })
      .command("finish",
               [](Turn& turn, Run& self, const std::string& text) {
                 self.transcript = text;
                 turn.end_stream("answer", StreamEnd::done, "stored");
               })
      .command("say_and_fail",
               [](Turn& turn, Run&) -> Result<void> {
                 turn.append("answer", "never said");
                 return fail(ErrorCode::conflict, "refused");
               })
      .command("forget", [](Turn& turn, Run&) { turn.drop_stream("answer"); });
}

inline const ObjectId one{"run", "one"};

inline std::string text_of(const std::vector<StreamItem>& items) {
  std::string text;
  for (const auto& item : items) {
    if (item.type == StreamItem::Type::began) text += fmt::format("[{}]", item.attempt);
    if (item.type == StreamItem::Type::delta) text += item.text;
    if (item.type == StreamItem::Type::ended) text += fmt::format("<{}>", name_of(item.end));
  }
  return text;
}

}  // namespace perdure
