// SPDX-License-Identifier: Apache-2.0
// A resource's fields are written once; what clients send and get is derived from them.
//
// A resource file of schemas/json is a JSON Schema of the resource's own members, with three
// keywords of ours: `x-variants` (what to derive), `x-common: false` (no members of resource.json)
// and, on a member, `x-in` (the only variants that have it). schemas/README.md shows a file and
// what becomes of it.
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

/// Everything that a resource file gives: `full`, and what its `x-variants` lists.
[[nodiscard]] std::vector<NamedSchema> derive_all(const Json& resource, const Json& common);

}  // namespace perdure
