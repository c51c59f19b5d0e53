// SPDX-License-Identifier: Apache-2.0
#include "quota.hpp"

#include <fmt/format.h>

#include <map>

#include "derived_rows.hpp"
#include "index_keys.hpp"
#include "perdure/runtime/access.hpp"
#include "perdure/runtime/kind.hpp"

namespace perdure::runtime {

namespace {

constexpr std::string_view prefix = "objects.";
/// This count is 1 once all objects of the store have been counted.
constexpr std::string_view counted = "objects_counted";

std::optional<std::uint64_t> most_of_kind(const Quotas& quotas, std::string_view kind) {
  const auto found = quotas.objects_of_kind.find(kind);
  return found == quotas.objects_of_kind.end() ? std::nullopt : std::optional{found->second};
}

}  // namespace

std::string object_count(std::string_view kind, std::string_view owner) {
  std::string name{prefix};
  name += kind;
  name += '\0';
  name += owner;
  return name;
}

std::optional<std::string> owner_of(const Version& version) {
  if (version.meta.seq == 0 || version.purged()) return {};
  return version.meta.origin->owner.text();
}

std::vector<storage::CountChange> object_counts(const std::optional<std::string>& before,
                                                const std::optional<std::string>& after,
                                                const std::string& kind, const Principal& principal,
                                                const Quotas& quotas) {
  std::vector<storage::CountChange> counts;
  if (before == after) return counts;
  if (before) {
    counts.push_back({object_count("", *before), -1});
    counts.push_back({object_count(kind, *before), -1});
  }
  if (after) {
    counts.push_back({object_count("", *after), 1});
    counts.push_back({object_count(kind, *after), 1});
    if (!is_privileged(principal)) {
      counts[counts.size() - 2].most = quotas.objects;
      counts.back().most = most_of_kind(quotas, kind);
    }
  }
  return counts;
}

Error explain_quota(const Quotas& quotas, Error error) {
  if (error.code != ErrorCode::quota_exceeded || !error.detail.starts_with(prefix)) return error;
  const auto kind = error.detail.substr(prefix.size(), error.detail.find('\0') - prefix.size());
  const auto most = kind.empty() ? quotas.objects : most_of_kind(quotas, kind).value_or(0);
  const auto setting = kind.empty() ? std::string{"quotas.objects"} : "quotas." + kind + "s";
  error.detail = fmt::format(
      "the owner has {} {}, which is its quota ({}); what is deleted counts until it is purged",
      most, kind.empty() ? "objects" : "objects of kind " + kind, setting);
  error.fields = {{setting, "quota", fmt::format("is {}", most)}};
  return error;
}

Result<void> count_objects(storage::Store& store, const std::vector<Kind>& kinds, Timestamp now) {
  PERDURE_TRY(done, store.count(counted));
  if (done > 0) return {};
  std::map<std::string, std::uint64_t> names;
  for (const auto& kind : kinds) {
    std::map<std::string, std::uint64_t> owners;
    PERDURE_TRY_VOID(each_object(store, kind.name(), [&](const storage::IndexRow& row) {
      ++owners[row.key];
      return Result<void>{};
    }));
    for (const auto& [key, objects] : owners) {
      PERDURE_TRY(owner, owner_from_key(key));
      names[object_count("", owner)] += objects;
      names[object_count(kind.name(), owner)] += objects;
    }
  }
  if (names.empty()) return {};  // so all that ever comes is counted; the next start sees to it
  storage::Unit unit{{{.object = {"$runtime", "counts"}, .epoch = store.epoch()}}};
  auto& counts = unit.write_sets.front().counts;
  for (const auto& [name, objects] : names) {
    PERDURE_TRY(known, store.count(name));
    const auto more = static_cast<std::int64_t>(objects) - static_cast<std::int64_t>(known);
    if (more != 0) counts.push_back({name, more});
  }
  counts.push_back({std::string{counted}, 1});
  const auto outcome = store.commit({&unit, 1}, now);
  if (!outcome.front()) return fail(outcome.front().error());
  return {};
}

}  // namespace perdure::runtime
