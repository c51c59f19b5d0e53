// SPDX-License-Identifier: Apache-2.0
#include "app/fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace perdure::api {

namespace {

// Cuts the next element off a list whose elements hold no quoted separator.
std::string_view next_part(std::string_view& rest, char separator) {
  const auto end = rest.find(separator);
  const auto part = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return trim(part);
}

// The value of a parameter in what is left of a media type; null when it is not there.
std::optional<std::string_view> parameter_of(std::string_view rest, std::string_view name) {
  while (!rest.empty()) {
    auto value = next_part(rest, ';');
    if (http::equals_ignoring_case(next_part(value, '='), name)) return trim(value);
  }
  return {};
}

// The name that IANA gives, and the other one that the WHATWG Encoding Standard has beside it.
bool is_utf8_name(std::string_view name) {
  return http::equals_ignoring_case(name, "utf-8") || http::equals_ignoring_case(name, "utf8");
}

// A weight that is not in the grammar counts as 1, as if it were not there.
double weight_of(std::string_view parameters) {
  const auto text = parameter_of(parameters, "q").value_or("1");
  double weight = 1;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
  return error == std::errc{} && weight >= 0 && weight <= 1 ? weight : 1;
}

std::string line_suffix(std::uint32_t line) { return fmt::format(".{:08x}", line); }

/// What in an object's tag is not its own: which of its references are dead.
constexpr char beside_mark = '~';

/// The seq in the tag of an object of this line of history.
std::optional<Seq> own_seq(std::string_view opaque, std::uint32_t line) {
  opaque = opaque.substr(0, opaque.find(beside_mark));
  if (line != 0) {
    const auto suffix = line_suffix(line);
    if (!opaque.ends_with(suffix)) return {};
    opaque.remove_suffix(suffix.size());
  }
  Seq seq = 0;
  const auto* end = opaque.data() + opaque.size();
  const auto [at, error] = std::from_chars(opaque.data(), end, seq);
  if (error != std::errc{} || at != end || (opaque.starts_with('0') && opaque != "0")) return {};
  return seq;
}

}  // namespace

std::string_view trim(std::string_view text) noexcept {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

std::optional<std::string> joined(const http::Headers& headers, std::string_view name) {
  std::optional<std::string> all;
  if (!headers.find(name)) return all;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const auto field = headers.at(i);
    if (!http::equals_ignoring_case(field.name, name)) continue;
    if (all) {
      all->append(", ").append(field.value);
    } else {
      all = std::string{field.value};
    }
  }
  return all;
}

double acceptance(std::string_view accept, std::string_view type) {
  if (trim(accept).empty()) return 1;
  const auto own = next_part(type, ';');
  const auto own_version = parameter_of(type, "version");
  const auto family = std::string{own.substr(0, own.find('/'))} + "/*";
  // The most specific range decides: 4 with its version, 3 exact, 2 family, 1 anything.
  int rank = 0;
  double taken = 0;
  while (!accept.empty()) {
    auto range = next_part(accept, ',');
    const auto name = next_part(range, ';');
    const auto version = parameter_of(range, "version");
    if (version && version != own_version) continue;
    const int specific = http::equals_ignoring_case(name, own)      ? (version ? 4 : 3)
                         : http::equals_ignoring_case(name, family) ? 2
                         : name == "*/*"                            ? 1
                                                                    : 0;
    if (specific == 0 || specific < rank) continue;
    taken = specific == rank ? std::max(taken, weight_of(range)) : weight_of(range);
    rank = specific;
  }
  return taken;
}

std::optional<std::size_t> best_type(std::string_view accept,
                                     std::span<const std::string_view> types) {
  std::optional<std::size_t> best;
  double most = 0;
  for (std::size_t i = 0; i < types.size(); ++i) {
    const auto wanted = acceptance(accept, types[i]);
    if (wanted <= most) continue;
    most = wanted;
    best = i;
  }
  return best;
}

bool is_media_type(std::string_view content_type, std::string_view type) {
  const auto name = next_part(content_type, ';');
  if (!http::equals_ignoring_case(name, type)) return false;
  while (!content_type.empty()) {
    auto value = next_part(content_type, ';');
    const auto key = next_part(value, '=');
    if (!http::equals_ignoring_case(key, "charset")) continue;
    if (value.starts_with('"') && value.ends_with('"') && value.size() > 1) {
      value = value.substr(1, value.size() - 2);
    }
    if (!is_utf8_name(value)) return false;
  }
  return true;
}

bool TagList::matches_weakly(Seq seq) const {
  return scope == Scope::any ||
         std::ranges::any_of(tags, [&](const Tag& tag) { return tag.seq == seq; });
}

std::optional<std::string> TagList::find_weakly(std::string_view opaque,
                                                http::Coding wanted) const {
  auto best = http::tag_under(wanted, '"' + std::string{opaque} + '"');
  if (scope == Scope::any || std::ranges::find(tags, best, &Tag::text) != tags.end()) return best;
  const auto found = std::ranges::find(tags, opaque, &Tag::opaque);
  if (found == tags.end()) return {};
  return found->text;
}

bool TagList::matches_strongly(Seq seq) const {
  return scope == Scope::any || std::ranges::any_of(tags, [&](const Tag& tag) {
           return tag.seq == seq && tag.strength == Tag::Strength::strong;
         });
}

Result<TagList> parse_tags(std::string_view text, std::string_view field_name, std::uint32_t line) {
  const auto malformed = [&] {
    return fail(Error{.code = ErrorCode::malformed,
                      .detail = std::string{field_name} + " is neither * nor a list of entity tags",
                      .fields = {{std::string{field_name}, "malformed",
                                  "write it as \"12\", or several with commas between"}}});
  };
  TagList list;
  text = trim(text);
  if (text == "*") {
    list.scope = TagList::Scope::any;
    return list;
  }
  // A list may have empty elements (RFC 9110, section 5.6.1.2).
  while (text.starts_with(',')) text = trim(text.substr(1));
  while (!text.empty()) {
    TagList::Tag tag;
    if (text.starts_with("W/")) {
      tag.strength = TagList::Tag::Strength::weak;
      text.remove_prefix(2);
    }
    if (!text.starts_with('"')) return malformed();
    const auto end = text.find('"', 1);
    if (end == std::string_view::npos) return malformed();
    auto opaque = text.substr(1, end - 1);
    tag.text = text.substr(0, end + 1);
    if (opaque.ends_with(http::gzip_tag_suffix)) {
      opaque.remove_suffix(http::gzip_tag_suffix.size());
    }
    tag.opaque = opaque;
    tag.seq = own_seq(opaque, line);
    list.tags.push_back(std::move(tag));
    text = trim(text.substr(end + 1));
    if (text.empty()) break;
    if (!text.starts_with(',')) return malformed();
    while (text.starts_with(',')) text = trim(text.substr(1));
  }
  if (list.tags.empty()) return malformed();
  return list;
}

std::string opaque_tag(Seq seq, std::uint32_t line, std::string_view beside) {
  auto text = std::to_string(seq);
  if (line != 0) text += line_suffix(line);
  if (!beside.empty()) (text += beside_mark) += beside;
  return text;
}

std::string format_tag(Seq seq, std::uint32_t line) { return '"' + opaque_tag(seq, line) + '"'; }

bool is_traceparent(std::string_view text) noexcept {
  if (text.size() != 55 || !text.starts_with("00-") || text[35] != '-' || text[52] != '-') {
    return false;
  }
  const auto is_hex = [](std::string_view part) {
    return part.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  };
  const auto is_zero = [](std::string_view part) {
    return part.find_first_not_of('0') == std::string_view::npos;
  };
  const auto trace = text.substr(3, 32);
  const auto parent = text.substr(36, 16);
  return is_hex(trace) && is_hex(parent) && is_hex(text.substr(53)) && !is_zero(trace) &&
         !is_zero(parent);
}

}  // namespace perdure::api
