// SPDX-License-Identifier: Apache-2.0
#include "quorums.hpp"

#include <algorithm>

#include "index_keys.hpp"

namespace perdure::runtime {

namespace {

constexpr std::string_view prefix = "quorum.";

bool is_in(const QuorumDefinition& quorum, const ObjectForm* form) {
  if (form == nullptr || !form->meta.exists()) return false;
  return std::ranges::all_of(quorum.where, [&](const auto& member) {
    return field_value(member.first, form->meta, form->root) == member.second;
  });
}

}  // namespace

std::string quorum_count(std::string_view kind, std::string_view stored) {
  std::string name{prefix};
  name += kind;
  name += '\0';
  name += stored;
  return name += '\0';  // no name is the beginning of another
}

void count_in_quorums(const KindDefinition& kind, const KindRows& rows, const ObjectForm& form,
                      Which which, storage::WriteSet& write_set) {
  for (std::size_t place = 0; place < kind.quorums.size(); ++place) {
    const auto& part = rows.quorums[place];
    if (!rows.is_of(part, which) || !is_in(kind.quorums[place], &form)) continue;
    write_set.counts.push_back({quorum_count(kind.name, part.stored), 1});
  }
}

Result<void> change_quorums(const KindDefinition& kind, const KindRows& rows, Built built,
                            const ObjectForm* before, const ObjectForm* after,
                            storage::WriteSet& write_set) {
  for (std::size_t place = 0; place < kind.quorums.size(); ++place) {
    const auto& quorum = kind.quorums[place];
    const auto& part = rows.quorums[place];
    const bool was_in = is_in(quorum, before);
    const bool stays_in = is_in(quorum, after);
    const bool is_being_built = rows.is_being_built(part);
    if (was_in && !stays_in && is_being_built) return still_building(kind.name);
    const bool was_counted = was_in && !(is_being_built && built == Built::no);
    if (was_counted == stays_in) continue;
    write_set.counts.push_back({.name = quorum_count(kind.name, part.stored),
                                .by = stays_in ? 1 : -1,
                                .least = quorum.least});
  }
  return {};
}

Error explain_quorum(const KindDefinition& kind, Error error) {
  if (error.code != ErrorCode::quota_exceeded || !error.detail.starts_with(prefix)) return error;
  const auto stored_at = error.detail.find('\0') + 1;
  const auto stored = std::string_view{error.detail}.substr(stored_at);
  const auto name = declared_name(stored.substr(0, stored.find('\0')));
  const auto quorum = std::ranges::find(kind.quorums, name, &QuorumDefinition::name);
  if (quorum == kind.quorums.end()) return error;
  Error refused{.code = ErrorCode::conflict,
                .detail = quorum->refusal,
                .fields = {{"", quorum->code, quorum->refusal}}};
  const auto own = kind.errors.find(quorum->code);
  if (own == kind.errors.end()) return refused;
  refused.own = std::make_shared<const OwnError>(OwnError{.name = own->first,
                                                          .http_status = own->second.http_status,
                                                          .title = own->second.title,
                                                          .members = "{}"});
  return refused;
}

}  // namespace perdure::runtime
