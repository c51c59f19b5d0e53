// SPDX-License-Identifier: Apache-2.0
// A resource's fields are written once; what clients send and get is derived from them.
//
// A resource file of schemas/json is a JSON Schema of the resource's own members, with four
// keywords of ours: `x-variants` (what to derive), `x-common: false` (no members of resource.json),
// `x-parts` (bodies of some members) and, on a member, `x-in` (the only variants that have it).
// schemas/README.md shows a file and what becomes of it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "perdure/schemas/json.hpp"

namespace perdure {

using NamedSchema = std::pair<std::string, Json>;

enum class Variant {
  full,        ///< `Note`: what a read returns; no `writeOnly` members
  created,     ///< `NoteCreated`: `full`, and what is shown only once
  create,      ///< `NoteCreate`: a create's body; `readOnly` members are taken and mean nothing
  patch,       ///< `NotePatch`: `create` with every member optional, and null clearing
  self_patch,  ///< `NoteSelfPatch`: `patch`, with `x-admin` members as if `readOnly`
};

/// One variant of `resource`, whose common members stand in `common` (an empty object for none).
[[nodiscard]] Json derive(const Json& resource, const Json& common, Variant variant);

/// `{items: [<name>], next_cursor}`.
[[nodiscard]] Json derive_list(std::string_view name);

/// A body that has these members of the resource, all of them.
[[nodiscard]] Json derive_part(const Json& resource, const std::string& name, const Json& members);

/// Everything that a resource file gives: `full`, what its `x-variants` lists, and its `x-parts`.
[[nodiscard]] std::vector<NamedSchema> derive_all(const Json& resource, const Json& common);

}  // namespace perdure
