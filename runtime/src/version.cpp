// SPDX-License-Identifier: Apache-2.0
#include "version.hpp"

#include <fmt/format.h>

#include "perdure/schemas/misfit.hpp"

namespace perdure::runtime {

namespace {

std::string state_name(const Record& record) {
  return fmt::format("{} at seq {}", to_string(record.meta.object()), record.meta.seq);
}

Unexpected damaged(const std::string& what, std::string_view why) {
  return fail(ErrorCode::corrupt, fmt::format("the state of {} cannot be read: {}", what, why));
}

Unexpected unreadable(const KindDefinition& kind, const std::string& what, std::uint32_t written_by,
                      const std::string& why) {
  return fail(ErrorCode::unreadable_state,
              fmt::format("{} was written by schema version {} of kind {}, and version {} cannot "
                          "read it: {}",
                          what, written_by, kind.name, kind.schema_version, why));
}

}  // namespace

VersionPtr blank_version(const KindDefinition& kind, const ObjectId& object) {
  auto origin = std::make_shared<Origin>();
  origin->object = object;
  auto version = std::make_shared<Version>();
  version->meta.origin = std::move(origin);
  version->meta.schema_version = kind.schema_version;
  version->state = kind.state.make();
  return version;
}

Result<Json> upgrade_root(const KindDefinition& kind, Json root, std::uint32_t written_by,
                          const std::string& what) {
  if (written_by > kind.schema_version) {
    return fail(ErrorCode::newer_version,
                fmt::format("{} was written by schema version {} of its kind; this code has "
                            "version {}",
                            what, written_by, kind.schema_version));
  }
  for (auto version = written_by; version < kind.schema_version; ++version) {
    try {
      root = kind.upgrades.at(version)(std::move(root));
    } catch (const std::exception& refused) {
      return unreadable(kind, what, written_by,
                        fmt::format("the step from version {} to {} refuses it: {}", version,
                                    version + 1, describe_misfit(refused)));
    }
  }
  return root;
}

Result<std::shared_ptr<void>> read_state(const KindDefinition& kind, Json root,
                                         std::uint32_t written_by, const std::string& what) {
  PERDURE_TRY(upgraded, upgrade_root(kind, std::move(root), written_by, what));
  try {
    return kind.state.decode(upgraded);
  } catch (const std::exception& refused) {
    return unreadable(kind, what, written_by, describe_misfit(refused));
  }
}

Result<Json> decode_root(const KindDefinition& kind, const Record& record) {
  if (record.root.empty()) return Json(nullptr);
  auto root = parse_stored_json(record.root);
  if (!root) return damaged(state_name(record), root.error().detail);
  return upgrade_root(kind, std::move(*root), record.meta.schema_version, state_name(record));
}

Result<StatePtr> decode_state(const KindDefinition& kind, const Record& record) {
  if (record.root.empty()) return StatePtr{kind.state.make()};
  auto root = parse_stored_json(record.root);
  if (!root) return damaged(state_name(record), root.error().detail);
  PERDURE_TRY(state,
              read_state(kind, std::move(*root), record.meta.schema_version, state_name(record)));
  return StatePtr{std::move(state)};
}

Json root_of(const KindDefinition& kind, const Version& version) {
  return version.unreadable ? version.unreadable->stored : kind.state.encode(version.state.get());
}

Result<Json> root_of(const KindDefinition& kind, const Record& record) {
  if (record.root.empty()) return Json(nullptr);
  auto root = parse_stored_json(record.root);
  if (!root) return damaged(state_name(record), root.error().detail);
  auto state = read_state(kind, *root, record.meta.schema_version, state_name(record));
  return state ? kind.state.encode(state->get()) : std::move(*root);
}

Result<VersionPtr> decode_version(const KindDefinition& kind, const ObjectId& object,
                                  const storage::RecordRow& row) {
  PERDURE_TRY(record, decode_record(object, row));
  auto version = std::make_shared<Version>();
  auto state = decode_state(kind, record);
  if (state) {
    version->state = std::move(*state);
  } else if (state.error().code == ErrorCode::unreadable_state) {
    version->state = kind.state.make();
    version->unreadable = std::make_shared<const UnreadableState>(
        UnreadableState{std::move(state).error(), parse_stored_json(record.root).value()});
  } else {
    return fail(std::move(state).error());
  }
  version->hash = hash_record(object, row.seq, row.record);
  version->root_bytes = record.root.size();
  version->meta = std::move(record.meta);
  version->meta.is_provisional = durability_of(kind, record.command) != Durability::sync;
  return VersionPtr{std::move(version)};
}

Result<VersionPtr> load_version(const KindDefinition& kind, const ObjectId& object,
                                const storage::StoreReader& store) {
  PERDURE_TRY(row, store.last_record(object));
  try {
    return row ? decode_version(kind, object, *row) : blank_version(kind, object);
  } catch (const std::exception& thrown) {
    // The kind's own code: it must not end the actor that runs it, which others wait for.
    return fail(ErrorCode::internal, fmt::format("the state of {} cannot be made: {}",
                                                 to_string(object), thrown.what()));
  }
}

}  // namespace perdure::runtime
