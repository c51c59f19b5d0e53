// SPDX-License-Identifier: Apache-2.0
// Regular expressions of JSON Schema (the dialect of ECMA-262 with the flag `u`) that take time
// linear in the text and bounded memory, whatever the expression: RE2 runs them.
//
// RE2's own dialect differs in small ways (`.` and `\s` mean fewer characters, `\u0041` is not
// known, `\A` and `[[:alpha:]]` are), so expressions are translated first. What no linear-time
// engine can do, look-around and back-references, is refused when the schema is compiled.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "perdure/base/result.hpp"

namespace re2 {
class RE2;
}

namespace perdure {

/// Threads  `found_in` may be called from any thread.
class Pattern {
 public:
  /// Errors  invalid  longer than 1,000 bytes, not an expression, or one of those refused.
  [[nodiscard]] static Result<Pattern> compile(std::string_view expression);

  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  ~Pattern();

  /// True when some part of `text` matches (expressions are not anchored).
  [[nodiscard]] bool found_in(std::string_view text) const;
  [[nodiscard]] const std::string& expression() const { return expression_; }

 private:
  Pattern(std::string expression, std::unique_ptr<re2::RE2> program);

  std::string expression_;
  std::optional<char> refused_first_;  ///< of `^[^X]`, which needs no program: X
  std::unique_ptr<re2::RE2> program_;
};

}  // namespace perdure
