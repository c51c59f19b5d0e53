// SPDX-License-Identifier: Apache-2.0
#include "quick_reader.hpp"

#include <charconv>
#include <cstdint>
#include <string>

#include "exact_number.hpp"
#include "perdure/base/utf8.hpp"

namespace perdure {

namespace {

class QuickReader {
 public:
  QuickReader(std::string_view text, std::size_t depth_max)
      : at_(text.data()), end_(text.data() + text.size()), depth_left_(depth_max) {}

  bool read_text(Json& value) {
    if (!read_value(value)) return false;
    skip_space();
    return at_ == end_;
  }

 private:
  [[nodiscard]] char peek() const { return at_ == end_ ? '\0' : *at_; }

  bool take(char wanted) {
    if (peek() != wanted) return false;
    ++at_;
    return true;
  }

  void skip_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }

  bool take_word(std::string_view word) {
    if (!std::string_view{at_, end_}.starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  bool read_value(Json& value) {
    skip_space();
    switch (peek()) {
      case '{': return read_object(value);
      case '[': return read_array(value);
      case '"': {
        value = Json::value_t::string;
        return read_string(value.get_ref<std::string&>());
      }
      case 't': value = true; return take_word("true");
      case 'f': value = false; return take_word("false");
      case 'n': value = nullptr; return take_word("null");
      default: return read_number(value);
    }
  }

  /// Reads `items` by `read_item` between brackets, one of which is the next byte.
  template <class ReadItem>
  bool read_items(char close, ReadItem&& read_item) {
    if (depth_left_ == 0) return false;
    --depth_left_;
    ++at_;
    skip_space();
    if (!take(close)) {
      do {
        if (!read_item()) return false;
        skip_space();
      } while (take(','));
      if (!take(close)) return false;
    }
    ++depth_left_;
    return true;
  }

  bool read_object(Json& value) {
    value = Json::object();
    auto& members = value.get_ref<Json::object_t&>();
    return read_items('}', [&] {
      skip_space();
      std::string name;
      if (!read_string(name)) return false;
      skip_space();
      return take(':') && read_value(members[std::move(name)]);  // the last of a name counts
    });
  }

  bool read_array(Json& value) {
    value = Json::array();
    auto& items = value.get_ref<Json::array_t&>();
    return read_items(']', [&] { return read_value(items.emplace_back()); });
  }

  bool read_string(std::string& text) {
    if (!take('"')) return false;
    unsigned char seen = 0;  // its high bit: some byte is not ASCII
    for (;;) {
      const char* from = at_;
      while (at_ != end_ && *at_ != '"' && *at_ != '\\' &&
             static_cast<unsigned char>(*at_) >= 0x20) {
        seen |= static_cast<unsigned char>(*at_++);
      }
      text.append(from, at_);
      if (at_ == end_) return false;
      if (*at_ == '"') {
        ++at_;
        return seen < 0x80 || is_valid_utf8(text);
      }
      if (*at_ != '\\') return false;  // a control byte
      ++at_;
      if (!read_escape(text)) return false;
    }
  }

  bool read_escape(std::string& text) {
    constexpr std::string_view names = "\"\\/bfnrt";
    constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    if (at_ == end_) return false;
    const char name = *at_++;
    if (name == 'u') return read_code_point(text);
    const auto place = names.find(name);
    if (place == std::string_view::npos) return false;
    text += meanings[place];
    return true;
  }

  bool read_code_unit(std::uint32_t& unit) {
    if (end_ - at_ < 4) return false;
    const auto [stop, error] = std::from_chars(at_, at_ + 4, unit, 16);
    if (error != std::errc{} || stop != at_ + 4) return false;
    at_ = stop;
    return true;
  }

  bool read_code_point(std::string& text) {
    std::uint32_t point = 0;
    if (!read_code_unit(point)) return false;
    if (point >= 0xD800 && point < 0xE000) {  // one half of a pair
      std::uint32_t low = 0;
      if (point >= 0xDC00 || !take_word("\\u") || !read_code_unit(low)) return false;
      if (low < 0xDC00 || low >= 0xE000) return false;
      point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(text, point);
    return true;
  }

  static void append_utf8(std::string& text, std::uint32_t point) {
    const auto add = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
    const auto add_rest = [&](int shift) { add(0x80 | (point >> shift & 0x3F)); };
    if (point < 0x80) {
      add(point);
    } else if (point < 0x800) {
      add(0xC0 | point >> 6);
      add_rest(0);
    } else if (point < 0x10000) {
      add(0xE0 | point >> 12);
      add_rest(6);
      add_rest(0);
    } else {
      add(0xF0 | point >> 18);
      add_rest(12);
      add_rest(6);
      add_rest(0);
    }
  }

  bool skip_digits() {
    const char* from = at_;
    while (at_ != end_ && *at_ >= '0' && *at_ <= '9') ++at_;
    return at_ != from;
  }

  template <class Number>
  bool set_number(Json& value, const char* from) const {
    Number number{};
    const auto [stop, error] = std::from_chars(from, at_, number);
    if (error != std::errc{} || stop != at_) return false;
    value = number;
    return true;
  }

  bool read_number(Json& value) {
    const char* from = at_;
    const bool is_negative = take('-');
    if (!take('0') && !skip_digits()) return false;
    const bool has_fraction = take('.');
    if (has_fraction && !skip_digits()) return false;
    const bool has_exponent = take('e') || take('E');
    if (has_exponent) {
      if (!take('+')) static_cast<void>(take('-'));
      if (!skip_digits()) return false;
    }
    // What fits no integer is left to the library, too: it knows which double is meant. So is what
    // no double keeps, which is refused there.
    if (has_fraction || has_exponent) {
      return set_number<double>(value, from) &&
             is_kept_exactly({from, at_}, value.get_ref<double&>());
    }
    if (!is_negative) return set_number<std::uint64_t>(value, from);
    // -0 is no integer: the builder makes a double of it.
    return set_number<std::int64_t>(value, from) && value != 0;
  }

  const char* at_;
  const char* end_;
  std::size_t depth_left_;
};

}  // namespace

bool read_quickly(std::string_view text, std::size_t depth_max, Json& value) {
  return QuickReader{text, depth_max}.read_text(value);
}

}  // namespace perdure
