// SPDX-License-Identifier: Apache-2.0
// An object's meta as bytes, the same in records and in stored replies (docs/formats/journal.md).
#pragma once

#include <cstdint>
#include <string>

#include "perdure/base/codec.hpp"
#include "perdure/runtime/object_meta.hpp"

namespace perdure::runtime {

/// 2 has what 1 has not: the grants, and the object along with which this one was deleted. It is
/// written where there is something of these, so that each meta has one form.
inline constexpr std::uint64_t meta_format_max = 2;
[[nodiscard]] std::uint64_t meta_format(const ObjectMeta& meta);

/// Without object and seq, which stand elsewhere, in the meta's format.
void put_meta(std::string& out, const ObjectMeta& meta);

/// Reads all but the seq. False when what is there is no meta of the format; a reader that ran past
/// its end is left to the caller.
[[nodiscard]] bool read_meta(Reader& in, std::uint64_t format, ObjectId object, ObjectMeta& meta);

}  // namespace perdure::runtime
