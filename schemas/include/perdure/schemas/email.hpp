// SPDX-License-Identifier: Apache-2.0
// E-mail addresses in all scripts (RFC 6531).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace perdure {

/// The form in which an address is kept and compared: the local part in NFC, a host beyond ASCII as
/// DNS has it (`jörg@bücher.example` → `jörg@xn--bcher-kva.example`). Addresses in ASCII stay as
/// they are.
/// Returns none when the text is no address. It takes neither quoted strings nor address literals.
[[nodiscard]] std::optional<std::string> normal_email(std::string_view text);

}  // namespace perdure
