// SPDX-License-Identifier: Apache-2.0
// What Unicode says of text beyond its bytes: one form for what reads the same, and the names of
// hosts in all scripts (ICU).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace perdure {

/// The text in Normalization Form C (UAX #15): `é` of one code point or of two is the same
/// afterwards. ASCII is returned as it is, without asking ICU.
/// Shape   text that is not valid UTF-8 is returned as it is.
[[nodiscard]] std::string to_nfc(std::string_view text);

/// The text in one case, for comparing and never for showing: simple case folding (Unicode, chapter
/// 5.18), in Normalization Form C. It takes letters one by one, so that `ß` and `ss` stay two, and
/// no language of its own, so that `I` is `i`.
/// Shape   text that is not valid UTF-8 is folded as ASCII.
[[nodiscard]] std::string fold_case(std::string_view text);

/// The name of a host as it stands in DNS: `bücher.example` → `xn--bcher-kva.example`
/// (IDNA, UTS #46, non-transitional, STD3 rules). A name in ASCII only gets lower case, and its
/// labels `xn--…` are checked.
/// Returns none when it is no name of a host. A dot at the end stays.
[[nodiscard]] std::optional<std::string> host_to_ascii(std::string_view host);

}  // namespace perdure
