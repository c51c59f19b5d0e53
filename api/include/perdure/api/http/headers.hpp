// SPDX-License-Identifier: Apache-2.0
// Header fields, kept as they go over the wire: one text of `Name: value\r\n` lines and an index.
//
// A request costs two allocations however many fields it has, and a response's fields are sent
// as they stand.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace perdure::http {

/// True when both are equal but for ASCII case.
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

struct Field {
  std::string_view name;
  std::string_view value;
};

class Headers {
 public:
  Headers() = default;
  /// The fields of `first`, and room for what an answer adds to them.
  [[nodiscard]] static Headers beginning_with(const Headers& first);

  /// Appends a field; the same name may be added again. Bytes of `value` that could end the line
  /// (CR, LF, NUL) become spaces, so that no value can forge a field.
  void add(std::string_view name, std::string_view value);

  /// Puts `value` in the place of the values of all fields of this name, behind the other fields.
  void replace(std::string_view name, std::string_view value);

  /// The first field of this name, case-insensitively. Borrows until the next change or move.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
  [[nodiscard]] std::size_t count(std::string_view name) const noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return index_.size(); }
  [[nodiscard]] bool empty() const noexcept { return index_.empty(); }
  /// In order of arrival. Borrows until the next change or move.
  [[nodiscard]] Field at(std::size_t position) const noexcept;

  /// All fields as they are sent.
  [[nodiscard]] std::string_view wire_text() const noexcept { return text_; }

  /// For the parser: takes a copy of a checked header block …
  void assign_block(std::string_view block);
  /// … and the places of its fields in it.
  void index_field(std::size_t name_at, std::size_t name_size, std::size_t value_at,
                   std::size_t value_size);
  void clear() noexcept;

 private:
  struct Place {
    std::uint32_t name_at, name_size, value_at, value_size;
  };

  /// One bit of 64 for a name, whatever its case: fields that are not there need no search.
  [[nodiscard]] static std::uint64_t bit_of(std::string_view name) noexcept;
  void make_room();

  [[nodiscard]] std::string_view name_of(const Place& place) const noexcept {
    return std::string_view{text_}.substr(place.name_at, place.name_size);
  }
  [[nodiscard]] bool is_named(const Place& place, std::string_view name) const noexcept;

  std::string text_;
  std::vector<Place> index_;
  std::uint64_t names_ = 0;  ///< the bits of all names
};

}  // namespace perdure::http
