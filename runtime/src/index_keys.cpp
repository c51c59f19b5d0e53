// SPDX-License-Identifier: Apache-2.0
#include "index_keys.hpp"

#include <algorithm>
#include <iterator>

#include "going_along.hpp"
#include "perdure/base/codec.hpp"
#include "perdure/runtime/sortable.hpp"

namespace perdure::runtime {

namespace {

constexpr std::size_t earlier_string_bytes_max = 512;

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

std::string written_text(std::string_view value, TextForm form) {
  if (form == TextForm::earlier) return std::string{value.substr(0, earlier_string_bytes_max)};
  return sortable_form(value);
}

/// Writes values of one version of an object into keys, in one form of text.
class KeyWriter {
 public:
  explicit KeyWriter(TextForm form) : form_(form) {}

  void put(std::string& key, const Json& value) {
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
        put_string(key, value.get_ref<const std::string&>());
        return;
      default: key += other; put_string(key, dump_json(value));
    }
  }

  /// Whether a string of those that were put has two forms.
  [[nodiscard]] bool differs() const { return differs_; }

 private:
  void put_string(std::string& key, const std::string& value) {
    const auto written = written_text(value, form_);
    differs_ |= written != value || value.size() > earlier_string_bytes_max;
    put_text(key, written);
  }

  TextForm form_;
  bool differs_ = false;
};

void add_rows(std::vector<IndexKey>& rows, const IndexDefinition& index, const ObjectMeta& meta,
              const Json& root, KeyWriter& writer) {
  std::vector<std::string> keys{index_prefix(index, meta.origin->owner.text())};
  for (const auto& field : index.fields) {
    const Json value = field_value(field, meta, root);
    if (!value.is_array()) {
      for (auto& key : keys) writer.put(key, value);
      continue;
    }
    std::vector<std::string> multiplied;
    const auto elements = std::min(value.size(), index_elements_max);
    for (const auto& key : keys) {
      for (std::size_t i = 0; i < elements; ++i) {
        multiplied.push_back(key);
        writer.put(multiplied.back(), value[i]);
      }
    }
    keys = std::move(multiplied);
  }
  for (auto& key : keys) rows.push_back({index.name, std::move(key)});
}

void add_reader_rows(std::vector<IndexKey>& rows, const ObjectMeta& meta) {
  if (!meta.grants) return;
  for (const auto& grant : *meta.grants) {
    rows.push_back({std::string{index_names::by_reader}, owner_key(grant.grantee.text())});
  }
}

void add_purge_row(std::vector<IndexKey>& rows, const PurgeDefinition& purge,
                   const ObjectMeta& meta, const Json& root) {
  const auto oldest = field_value(purge.oldest, meta, root);
  if (!oldest.is_string()) return;
  const auto time = parse_rfc3339(oldest.get_ref<const std::string&>());
  if (time) rows.push_back({purge_index(purge), time_key(*time)});
}

void add_along_row(std::vector<IndexKey>& rows, const ReferenceDefinition& reference,
                   const ObjectMeta& meta, const Json& root) {
  if (reference.when_deleted != ReferenceDefinition::WhenDeleted::goes_along) return;
  const auto id = field_value(reference.field, meta, root);
  if (!id.is_string()) return;
  rows.push_back({along_index(reference.field), along_key(id.get_ref<const std::string&>())});
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

void put_index_value(std::string& key, const Json& value) {
  KeyWriter{TextForm::whole}.put(key, value);
}

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

namespace {

std::vector<IndexKey> rows_of(const KindDefinition& kind, const ObjectMeta& meta, const Json& root,
                              KeyWriter& writer) {
  std::vector<IndexKey> rows;
  if (meta.seq == 0) return rows;
  const auto owner = owner_key(meta.origin->owner.text());
  rows.push_back({std::string{index_names::by_owner}, owner});
  if (meta.deleted_at) {
    const auto time = time_key(*meta.deleted_at);
    rows.push_back({std::string{index_names::deleted}, owner + time});
    rows.push_back({std::string{index_names::deleted_by_id}, ""});
    rows.push_back({std::string{index_names::deleted_at}, time});
    if (!meta.deleted_with.empty()) {
      rows.push_back({std::string{index_names::went_along}, along_key(meta.deleted_with)});
    }
  } else {
    rows.push_back({std::string{index_names::by_id}, ""});
    add_reader_rows(rows, meta);
    for (const auto& index : kind.indexes) add_rows(rows, index, meta, root, writer);
    for (const auto& purge : kind.purges) add_purge_row(rows, purge, meta, root);
    for (const auto& reference : kind.references) add_along_row(rows, reference, meta, root);
  }
  std::ranges::sort(rows);
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return rows;
}

}  // namespace

std::vector<IndexKey> index_keys(const KindDefinition& kind, const ObjectMeta& meta,
                                 const Json& root) {
  KeyWriter writer{TextForm::whole};
  return rows_of(kind, meta, root, writer);
}

std::vector<IndexKey> index_keys(const KindDefinition& kind, const Version& version) {
  if (version.purged()) return {};
  return index_keys(kind, version.meta, kind.state.encode(version.state.get()));
}

std::vector<storage::IndexChange> index_changes(const KindDefinition& kind, const Version& before,
                                                const std::vector<IndexKey>& after) {
  if (before.purged()) return index_difference({}, after);
  const auto root = kind.state.encode(before.state.get());
  KeyWriter writer{TextForm::whole};
  const auto rows = rows_of(kind, before.meta, root, writer);
  if (!writer.differs()) return index_difference(rows, after);

  // Which form the store has is not known. What is in one form only is erased if it is not wanted,
  // and put if it is.
  KeyWriter earlier_writer{TextForm::earlier};
  const auto earlier = rows_of(kind, before.meta, root, earlier_writer);
  std::vector<IndexKey> in_both;
  std::vector<IndexKey> in_one;
  std::ranges::set_intersection(rows, earlier, std::back_inserter(in_both));
  std::ranges::set_symmetric_difference(rows, earlier, std::back_inserter(in_one));
  auto changes = index_difference(in_both, after);
  for (const auto& [index, key] : in_one) {
    if (std::ranges::binary_search(after, IndexKey{index, key})) continue;
    changes.push_back({storage::IndexChange::Op::erase, index, key});
  }
  return changes;
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
