// SPDX-License-Identifier: Apache-2.0
#include "pattern.hpp"

#include <re2/re2.h>

#include <cstdint>
#include <optional>

#include "perdure/base/utf8.hpp"

namespace perdure {

namespace {

constexpr std::size_t expression_bytes_max = 1'000;
constexpr std::int64_t program_bytes_max = 1 << 20;

// White space and line ends of ECMA-262, and all other code points, as ranges within a class.
constexpr std::string_view space_ranges =
    R"(\x09-\x0d\x20\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f})"
    R"(\x{3000}\x{feff})";
constexpr std::string_view other_ranges =
    R"(\x{0}-\x08\x0e-\x1f\x21-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027})"
    R"(\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{fefe}\x{ff00}-\x{10ffff})";

class Translator {
 public:
  explicit Translator(std::string_view expression) : rest_(expression) {}

  std::optional<std::string> run() {
    while (!rest_.empty() && ok_) {
      in_class_ ? class_character() : character();
    }
    // An open class is left for the engine to refuse.
    return ok_ ? std::optional{std::move(out_)} : std::nullopt;
  }

 private:
  char take() {
    const char c = rest_[0];
    rest_.remove_prefix(1);
    return c;
  }

  void character() {
    const char c = take();
    if (c == '\\') return escape();
    if (c == '.') {
      out_ += R"([^\n\r\x{2028}\x{2029}])";
    } else if (c == '[') {
      open_class();
    } else if (c == '(' && rest_.starts_with('?')) {
      group();
    } else {
      out_ += c;
    }
  }

  void open_class() {
    in_class_ = true;
    out_ += '[';
    if (rest_.starts_with('^')) out_ += take();
    // `[]` matches nothing and `[^]` anything in ECMA-262; to the engine `]` would be a member.
    if (rest_.starts_with(']')) ok_ = false;
  }

  void class_character() {
    const char c = take();
    if (c == '\\') return escape();
    if (c == ']') in_class_ = false;
    // Here `[` is a plain character; the engine would read `[:alpha:]`.
    if (c == '[') out_ += '\\';
    out_ += c;
  }

  // After `(`, at `?`: non-capturing and named groups only.
  void group() {
    if (rest_.starts_with("?:")) {
      out_ += '(';
    } else if (rest_.starts_with("?<") && !rest_.starts_with("?<=") && !rest_.starts_with("?<!")) {
      out_ += "(?P<";
      rest_.remove_prefix(2);
    } else {
      ok_ = false;
    }
  }

  void escape() {
    if (rest_.empty()) {
      ok_ = false;
      return;
    }
    const char c = take();
    constexpr std::string_view same = "dDwWfnrtvpPx^$\\.*+?()[]{}|/-";
    if (c == 's' || c == 'S') {
      space(c == 's' ? space_ranges : other_ranges);
    } else if (c == 'u') {
      unicode();
    } else if (c == 'c' && !rest_.empty()) {
      control(take());
    } else if (c == '0') {
      out_ += R"(\x00)";
    } else if (c == 'b') {
      out_ += in_class_ ? R"(\x08)" : R"(\b)";
    } else if (c == 'B' && !in_class_) {
      out_ += R"(\B)";
    } else if (same.find(c) != std::string_view::npos) {
      out_ += '\\';
      out_ += c;
    } else {
      ok_ = false;  // back-references, and escapes that only the engine's dialect knows
    }
  }

  void space(std::string_view ranges) {
    if (!in_class_) out_ += '[';
    out_ += ranges;
    if (!in_class_) out_ += ']';
  }

  void control(char letter) {
    const bool is_letter = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
    ok_ = ok_ && is_letter;
    put_code_point(static_cast<std::uint32_t>(letter & 31));
  }

  void unicode() {
    if (rest_.starts_with('{')) {
      const auto close = rest_.find('}');
      if (close == std::string_view::npos) {
        ok_ = false;
        return;
      }
      put_code_point(hex(rest_.substr(1, close - 1)));
      rest_.remove_prefix(close + 1);
      return;
    }
    std::uint32_t code = four_hex();
    if (code >= 0xD800 && code < 0xDC00 && rest_.starts_with("\\u")) {
      rest_.remove_prefix(2);
      const std::uint32_t low = four_hex();
      ok_ = ok_ && low >= 0xDC00 && low < 0xE000;
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    put_code_point(code);
  }

  std::uint32_t four_hex() {
    if (rest_.size() < 4) {
      ok_ = false;
      return 0;
    }
    const std::uint32_t code = hex(rest_.substr(0, 4));
    rest_.remove_prefix(4);
    return code;
  }

  std::uint32_t hex(std::string_view digits) {
    if (digits.empty() || digits.size() > 6) ok_ = false;
    std::uint32_t value = 0;
    for (const char c : digits.substr(0, 6)) {
      const bool decimal = c >= '0' && c <= '9';
      const char lower = static_cast<char>(c | 0x20);
      if (!decimal && (lower < 'a' || lower > 'f')) ok_ = false;
      value = value * 16 + static_cast<std::uint32_t>(decimal ? c - '0' : lower - 'a' + 10);
    }
    return value;
  }

  void put_code_point(std::uint32_t code) {
    constexpr std::string_view digits = "0123456789abcdef";
    out_ += R"(\x{)";
    for (int shift = 20; shift >= 0; shift -= 4) out_ += digits[code >> shift & 15];
    out_ += '}';
  }

  std::string_view rest_;
  std::string out_;
  bool in_class_ = false;
  bool ok_ = true;
};

Unexpected refuse(std::string_view expression, std::string_view why) {
  constexpr std::size_t shown_bytes_max = 100;
  std::string detail = "the expression \"";
  detail += cut_utf8(expression, shown_bytes_max);
  detail += "\" is not supported: ";
  detail += why;
  return fail(ErrorCode::invalid, std::move(detail));
}

/// X of `^[^X]`, where X is one plain ASCII character: what names of many kinds are held to.
std::optional<char> refused_first(std::string_view expression) {
  constexpr std::string_view before = "^[^";
  if (expression.size() != before.size() + 2 || !expression.starts_with(before) ||
      expression.back() != ']') {
    return {};
  }
  const char c = expression[before.size()];
  const bool is_plain = c > ' ' && c < '\x7f' && c != '\\' && c != '[' && c != ']';
  return is_plain ? std::optional{c} : std::nullopt;
}

}  // namespace

Pattern::Pattern(std::string expression, std::unique_ptr<re2::RE2> program)
    : expression_(std::move(expression)),
      refused_first_(refused_first(expression_)),
      program_(std::move(program)) {}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

Result<Pattern> Pattern::compile(std::string_view expression) {
  if (expression.size() > expression_bytes_max) return refuse(expression, "over 1,000 bytes");
  auto translated = Translator{expression}.run();
  if (!translated) {
    return refuse(expression, "look-around, back-references, [], [^] and unknown escapes are not");
  }
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(program_bytes_max);
  options.set_never_capture(true);
  auto program = std::make_unique<re2::RE2>(*translated, options);
  if (!program->ok()) return refuse(expression, program->error());
  return Pattern{std::string{expression}, std::move(program)};
}

bool Pattern::found_in(std::string_view text) const {
  if (refused_first_) return !text.empty() && text.front() != *refused_first_;
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *program_);
}

}  // namespace perdure
