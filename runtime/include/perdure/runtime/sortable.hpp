// SPDX-License-Identifier: Apache-2.0
// Sortable: JSON values as bytes that sort as the values do, and that hold no NUL. So they can
// stand in the keys of index rows and in the keys of entries.
//
// Each value is self-delimiting: keys that are made of several are prefix-free, and a prefix of
// values is a prefix of bytes. Order: null, false, true, numbers (as doubles), strings (by the code
// points of their normal form NFC), others.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "perdure/schemas/json.hpp"

namespace perdure {

/// A string stands in a key whole up to so many bytes: 500 characters of any script. Strings that
/// are equal so far are one value to a key. A cursor holds a key, and has to fit into a URL.
inline constexpr std::size_t sortable_bytes_max = 2'048;

/// The whole of a null. Everything else sorts above it.
inline constexpr char sortable_null = '\1';

void put_sortable(std::string& key, const Json& value);
/// A string as it is, whatever its form and its length.
void put_sortable_text(std::string& key, std::string_view text);

[[nodiscard]] std::string sortable(const Json& value);

/// The first of the values that a key is made of. Borrows from it.
[[nodiscard]] std::string_view first_sortable(std::string_view key);
/// The text that a value is; none: it is none. One that was cut stays cut.
[[nodiscard]] std::optional<std::string> text_of_sortable(std::string_view value);

// ---- what all codecs of keys are made of, those of earlier rows too

/// A double as a whole number that sorts as it does; -0.0 and 0.0 are one.
[[nodiscard]] std::uint64_t sortable_bits(double value);
/// A text as keys have it: in normal form, whole up to sortable_bytes_max.
[[nodiscard]] std::string sortable_form(std::string_view text);

}  // namespace perdure
