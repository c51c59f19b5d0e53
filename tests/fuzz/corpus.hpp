// SPDX-License-Identifier: Apache-2.0
// Corpora as text: one input a line, so that a change of a corpus can be read.
//
// Printable ASCII stands as it is, but a space at the end; `\\`, `\n`, `\r`, `\t`; else `\xNN`.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "perdure/base/result.hpp"

namespace perdure::fuzz {

[[nodiscard]] std::string escape_input(std::string_view input);
/// Errors  malformed  an escape that is none.
[[nodiscard]] Result<std::string> unescape_input(std::string_view line);

/// The inputs of a corpus file. Errors: not_found, malformed.
[[nodiscard]] Result<std::vector<std::string>> read_corpus(const std::filesystem::path& file);
/// Writes them in order of size, then bytes, each once.
void write_corpus(const std::filesystem::path& file, std::vector<std::string> inputs);

/// A file's bytes. Errors: not_found.
[[nodiscard]] Result<std::string> read_bytes(const std::filesystem::path& file);

}  // namespace perdure::fuzz
