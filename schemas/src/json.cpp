// SPDX-License-Identifier: Apache-2.0
#include "perdure/schemas/json.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include "exact_number.hpp"
#include "perdure/schemas/pointer.hpp"
#include "perdure/schemas/write_json.hpp"
#include "quick_reader.hpp"
#include "writer.hpp"

namespace perdure {

namespace {

// Builds the value, counts depth on the way (the library itself has no bound), and refuses numbers
// that would be kept as others.
class BoundedBuilder : public nlohmann::detail::json_sax_dom_parser<Json> {
  using Base = nlohmann::detail::json_sax_dom_parser<Json>;

 public:
  BoundedBuilder(Json& value, std::size_t depth_max) : Base(value, false), depth_max_(depth_max) {}

  bool start_object(std::size_t size) {
    return enter(Container::object) && Base::start_object(size);
  }
  bool key(std::string& name) {
    places_.back().name = name;
    return Base::key(name);
  }
  bool end_object() {
    places_.pop_back();
    return Base::end_object() && pass();
  }
  bool start_array(std::size_t size) { return enter(Container::array) && Base::start_array(size); }
  bool end_array() {
    places_.pop_back();
    return Base::end_array() && pass();
  }
  bool null() { return Base::null() && pass(); }
  bool boolean(bool value) { return Base::boolean(value) && pass(); }
  bool number_integer(std::int64_t value) {
    // Only numbers with a sign come here, and no integer is -0.
    return (value == 0 ? Base::number_float(-0.0, "-0") : Base::number_integer(value)) && pass();
  }
  bool number_unsigned(std::uint64_t value) { return Base::number_unsigned(value) && pass(); }
  bool string(std::string& value) { return Base::string(value) && pass(); }
  bool number_float(double value, const std::string& literal) {
    if (!is_kept_exactly(literal, value)) {
      inexact_at_ = pointer();
      return false;
    }
    return Base::number_float(value, literal) && pass();
  }
  /// The library's own words stay here: they name its classes.
  bool parse_error(std::size_t position, const std::string&, const Json::exception& error) {
    constexpr int number_out_of_range = 406;
    position_ = position;
    if (error.id == number_out_of_range) inexact_at_ = pointer();
    return false;
  }

  [[nodiscard]] Error error() const {
    if (!inexact_at_) return {.code = ErrorCode::malformed, .detail = "not JSON: " + reason()};
    const std::string rule =
        "must be a number that 64 bits keep as it is: an integer from -2^63 to "
        "2^64-1, or at most 17 digits that a double keeps; send others as text";
    return {.code = ErrorCode::invalid,
            .detail = (inexact_at_->empty() ? "the value" : *inexact_at_) + " " + rule,
            .fields = {{*inexact_at_, "number", rule}}};
  }

 private:
  enum class Container { object, array };
  struct Place {
    Container container;
    std::size_t index = 0;
    std::string name = {};
  };

  [[nodiscard]] std::string reason() const {
    if (places_.size() > depth_max_) {
      return "nested deeper than " + std::to_string(depth_max_) + " levels";
    }
    return "at byte " + std::to_string(position_) + " stands what RFC 8259 does not allow there";
  }

  bool enter(Container container) {
    places_.push_back({container});
    return places_.size() <= depth_max_;
  }
  /// An item is complete: the next one of its array has another index.
  bool pass() {
    if (!places_.empty()) ++places_.back().index;
    return true;
  }
  [[nodiscard]] std::string pointer() const {
    std::string text;
    for (const auto& place : places_) {
      const bool is_array = place.container == Container::array;
      text = append_step(std::move(text), is_array ? std::to_string(place.index) : place.name);
    }
    return text;
  }

  std::size_t depth_max_;
  std::vector<Place> places_;  ///< of the containers around what is read
  std::size_t position_ = 0;
  std::optional<std::string> inexact_at_;
};

/// Counts what the library's serializer would write; stops once there is too much.
class SizeCounter {
 public:
  explicit SizeCounter(std::size_t enough) : enough_(enough) {}

  void count(const Json& value) {
    if (size_ > enough_) return;
    switch (value.type()) {
      case Json::value_t::object: return count_object(value);
      case Json::value_t::array:
        size_ += 2 + (value.empty() ? 0 : value.size() - 1);
        for (const Json& item : value) count(item);
        return;
      case Json::value_t::string: return count_string(value.get_ref<const std::string&>());
      case Json::value_t::boolean: size_ += value.get<bool>() ? 4 : 5; return;
      case Json::value_t::number_integer: return count_integer(value.get<std::int64_t>());
      case Json::value_t::number_unsigned: return count_integer(value.get<std::uint64_t>());
      case Json::value_t::number_float: return count_float(value.get<double>());
      default: size_ += 4;  // null
    }
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  void count_object(const Json& value) {
    size_ += 2 + (value.empty() ? 0 : value.size() - 1);
    for (auto member = value.begin(); member != value.end() && size_ <= enough_; ++member) {
      count_string(member.key());
      size_ += 1;
      count(*member);
    }
  }

  void count_string(std::string_view text) {
    size_ += 2 + text.size();
    if (size_ > enough_) return;
    for (const char c : text) {
      constexpr std::string_view short_escapes = "\"\\\b\f\n\r\t";
      if (short_escapes.find(c) != std::string_view::npos) {
        size_ += 1;
      } else if (static_cast<unsigned char>(c) < 0x20) {
        size_ += 5;
      }
    }
  }

  template <class Integer>
  void count_integer(Integer value) {
    std::array<char, 24> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    size_ += static_cast<std::size_t>(end - digits.data());
  }

  void count_float(double value) {
    if (!std::isfinite(value)) {
      size_ += 4;  // written as null
      return;
    }
    DoubleRoom room;
    size_ += write_double(value, room).size();
  }

  std::size_t enough_;
  std::size_t size_ = 0;
};

}  // namespace

Result<Json> parse_json(std::string_view text, std::size_t depth_max) {
  // The library takes a NUL byte for the end of input.
  if (text.find('\0') != std::string_view::npos) {
    return fail(ErrorCode::malformed, "not JSON: a NUL byte");
  }
  Json value;
  if (read_quickly(text, depth_max, value)) return value;
  value = nullptr;
  BoundedBuilder builder{value, depth_max};
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) {
    return fail(builder.error());
  }
  return value;
}

std::string dump_json(const Json& value) {
  std::string text;
  write_json(text, value);
  return text;
}

std::size_t serialized_size(const Json& value, std::size_t enough) {
  SizeCounter counter{enough};
  counter.count(value);
  return counter.size();
}

std::optional<std::int64_t> whole_number(const Json& value) {
  constexpr double limit = 9'223'372'036'854'775'808.0;  // 2^63, which is no 64-bit integer itself
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) return {};
    return static_cast<std::int64_t>(number);
  }
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!value.is_number_float()) return {};
  const auto real = value.get<double>();
  if (!(real >= -limit && real < limit) || std::trunc(real) != real) return {};
  return static_cast<std::int64_t>(real);
}

bool is_nested_deeper(const Json& value, std::size_t depth) {
  if (!value.is_structured()) return false;
  if (depth == 0) return true;
  return std::ranges::any_of(
      value, [depth](const Json& part) { return is_nested_deeper(part, depth - 1); });
}

void merge_patch(Json& target, const Json& patch) { target.merge_patch(patch); }

}  // namespace perdure
