// SPDX-License-Identifier: Apache-2.0
#include "index_keys.hpp"

#include <algorithm>

#include "going_along.hpp"
#include "perdure/base/codec.hpp"
#include "perdure/runtime/sortable.hpp"

namespace perdure::runtime {

namespace {

enum Tag : char { nothing = 1, no = 2, yes = 3, number = 4, text = 5, other = 6 };

// NUL ends a string, so a NUL inside is written as two bytes that sort above the end.
void put_text(std::string& key, std::string_view value) {
  for (const char c : value) {
    key += c;
    if (c == '\0') key += '\xFF';
  }
  key += '\0';
  key += '\1';
}

void put_value(std::string& key, const Json& value) {
  const auto put_string = [&](const std::string& string) { put_text(key, sortable_form(string)); };
  switch (value.type()) {
    case Json::value_t::null:
    case Json::value_t::discarded: key += nothing; return;
    case Json::value_t::boolean: key += value.get<bool>() ? yes : no; return;
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float:
      key += number;
      put_be64(key, sortable_bits(value.get<double>()));
      return;
    case Json::value_t::string:
      key += text;
      put_string(value.get_ref<const std::string&>());
      return;
    default: key += other; put_string(dump_json(value));
  }
}

void add_rows(std::vector<IndexKey>& rows, const IndexDefinition& index, const std::string& stored,
              const ObjectForm& object) {
  const auto& [meta, root] = object;
  std::vector<std::string> keys{index_prefix(index, meta.origin->owner.text())};
  for (const auto& field : index.fields) {
    const Json value = field_value(field, meta, root);
    if (!value.is_array()) {
      for (auto& key : keys) put_value(key, value);
      continue;
    }
    std::vector<std::string> multiplied;
    const auto elements = std::min(value.size(), index_elements_max);
    for (const auto& key : keys) {
      for (std::size_t i = 0; i < elements; ++i) {
        multiplied.push_back(key);
        put_value(multiplied.back(), value[i]);
      }
    }
    keys = std::move(multiplied);
  }
  for (auto& key : keys) rows.push_back({stored, std::move(key)});
}

void add_reader_rows(std::vector<IndexKey>& rows, const ObjectMeta& meta) {
  if (!meta.grants) return;
  for (const auto& grant : *meta.grants) {
    rows.push_back({std::string{index_names::by_reader}, owner_key(grant.grantee.text())});
  }
}

void add_purge_row(std::vector<IndexKey>& rows, const PurgeDefinition& purge,
                   const std::string& stored, const ObjectForm& object) {
  const auto oldest = field_value(purge.oldest, object.meta, object.root);
  if (!oldest.is_string()) return;
  const auto time = parse_rfc3339(oldest.get_ref<const std::string&>());
  if (time) rows.push_back({stored, time_key(*time)});
}

void add_along_row(std::vector<IndexKey>& rows, const ReferenceDefinition& reference,
                   const std::string& stored, const ObjectForm& object) {
  if (reference.when_deleted != ReferenceDefinition::WhenDeleted::goes_along) return;
  const auto id = field_value(reference.field, object.meta, object.root);
  if (id.is_string()) rows.push_back({stored, along_key(id.get_ref<const std::string&>())});
}

/// Those that follow from no state.
void add_own_rows(std::vector<IndexKey>& rows, const ObjectMeta& meta) {
  const auto owner = owner_key(meta.origin->owner.text());
  rows.push_back({std::string{index_names::by_owner}, owner});
  if (!meta.deleted_at) {
    rows.push_back({std::string{index_names::by_id}, ""});
    return add_reader_rows(rows, meta);
  }
  const auto time = time_key(*meta.deleted_at);
  rows.push_back({std::string{index_names::deleted}, owner + time});
  rows.push_back({std::string{index_names::deleted_by_id}, ""});
  rows.push_back({std::string{index_names::deleted_at}, time});
  if (!meta.deleted_with.empty()) {
    rows.push_back({std::string{index_names::went_along}, along_key(meta.deleted_with)});
  }
}

/// Of a live object. Calls `add` with each definition of one sort that is meant.
template <class Definition, class Add>
void add_parts(const KindRows& rows, const std::vector<Definition>& definitions,
               const std::vector<PartRows>& parts, Which which, const Add& add) {
  for (std::size_t place = 0; place < definitions.size(); ++place) {
    const auto& part = parts[place];
    if (rows.is_of(part, which)) add(definitions[place], part.stored);
  }
}

}  // namespace

Json field_value(const std::string& field, const ObjectMeta& meta, const Json& root) {
  if (field == "$id") return meta.object().id;
  if (field == "$created_at") return to_unix_ms(meta.origin->created_at);
  if (field == "$updated_at") return to_unix_ms(meta.updated_at);
  const Json* at = &root;
  for (std::size_t start = 0; start <= field.size();) {
    const auto dot = std::min(field.find('.', start), field.size());
    const auto name = field.substr(start, dot - start);
    if (!at->is_object() || !at->contains(name)) return nullptr;
    at = &at->at(name);
    start = dot + 1;
  }
  return *at;
}

void put_index_value(std::string& key, const Json& value) { put_value(key, value); }

std::string time_key(Timestamp time) {
  std::string key;
  put_be64(key, static_cast<std::uint64_t>(std::max<std::int64_t>(to_unix_ms(time), 0)));
  return key;
}

std::string purge_index(const PurgeDefinition& purge) { return "$purge." + purge.command; }

std::string owner_key(const std::string& owner) {
  std::string key;
  put_text(key, owner);
  return key;
}

Result<std::string> owner_from_key(std::string_view key) {
  std::string owner;
  for (std::size_t at = 0; at + 1 < key.size(); ++at) {
    if (key[at] != '\0') {
      owner += key[at];
    } else if (key[at + 1] == '\xFF') {
      owner += key[at++];
    } else if (key[at + 1] == '\1' && at + 2 == key.size()) {
      return owner;
    } else {
      break;
    }
  }
  return fail(ErrorCode::corrupt, "a row of the index of owners cannot be read");
}

std::string index_prefix(const IndexDefinition& index, const std::string& owner) {
  std::string key;
  if (index.scope == IndexDefinition::Scope::owner) key = owner_key(owner);
  return key;
}

std::vector<IndexKey> index_keys(const KindDefinition& kind, const KindRows& rows,
                                 const ObjectForm& object, Which which) {
  std::vector<IndexKey> keys;
  const auto& meta = object.meta;
  if (meta.seq == 0) return keys;
  if (which != Which::building) add_own_rows(keys, meta);
  if (!meta.deleted_at) {
    add_parts(rows, kind.indexes, rows.indexes, which, [&](const auto& index, const auto& stored) {
      add_rows(keys, index, stored, object);
    });
    add_parts(rows, kind.purges, rows.purges, which, [&](const auto& purge, const auto& stored) {
      add_purge_row(keys, purge, stored, object);
    });
    add_parts(rows, kind.references, rows.references, which,
              [&](const auto& reference, const auto& stored) {
                add_along_row(keys, reference, stored, object);
              });
  }
  std::ranges::sort(keys);
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

std::vector<storage::IndexChange> index_difference(const std::vector<IndexKey>& before,
                                                   const std::vector<IndexKey>& after) {
  using Op = storage::IndexChange::Op;
  std::vector<storage::IndexChange> changes;
  auto old_row = before.begin();
  auto new_row = after.begin();
  while (old_row != before.end() || new_row != after.end()) {
    if (new_row == after.end() || (old_row != before.end() && *old_row < *new_row)) {
      changes.push_back({Op::erase, old_row->index, old_row->key});
      ++old_row;
    } else if (old_row == before.end() || *new_row < *old_row) {
      changes.push_back({Op::put, new_row->index, new_row->key});
      ++new_row;
    } else {
      ++old_row;
      ++new_row;
    }
  }
  return changes;
}

}  // namespace perdure::runtime
