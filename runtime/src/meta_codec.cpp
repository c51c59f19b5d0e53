// SPDX-License-Identifier: Apache-2.0
#include "meta_codec.hpp"

namespace perdure::runtime {

namespace {

void put_time(std::string& out, Timestamp time) {
  put_varint(out, static_cast<std::uint64_t>(to_unix_ms(time)));
}
Timestamp read_time(Reader& in) { return from_unix_ms(static_cast<std::int64_t>(in.varint())); }

void put_grants(std::string& out, const ObjectMeta& meta) {
  put_varint(out, meta.grants ? meta.grants->size() : 0);
  if (!meta.grants) return;
  for (const auto& grant : *meta.grants) {
    put_bytes(out, grant.grantee.text());
    put_varint(out, static_cast<std::uint64_t>(grant.role));
  }
}

/// Grants stand in the order of their grantees, each once.
bool read_grants(Reader& in, ObjectMeta& meta) {
  std::vector<ObjectGrant> grants;
  for (auto left = in.varint(); left > 0 && !in.failed(); --left) {
    auto grantee = Owner::from_text(std::string{in.bytes()});
    const auto role = in.varint();
    if (role > static_cast<std::uint64_t>(ObjectGrant::Role::editor)) return false;
    if (grantee.is_host() || (!grants.empty() && grants.back().grantee >= grantee)) return false;
    grants.push_back({std::move(grantee), static_cast<ObjectGrant::Role>(role)});
  }
  if (!grants.empty()) {
    meta.grants = std::make_shared<const std::vector<ObjectGrant>>(std::move(grants));
  }
  return true;
}

}  // namespace

std::uint64_t meta_format(const ObjectMeta& meta) {
  return meta.grants != nullptr || !meta.deleted_with.empty() ? 2 : 1;
}

void put_meta(std::string& out, const ObjectMeta& meta) {
  put_varint(out, meta.schema_version);
  put_time(out, meta.updated_at);
  put_bytes(out, meta.updated_by);
  put_varint(out, meta.deleted_at ? static_cast<std::uint64_t>(to_unix_ms(*meta.deleted_at)) : 0);
  put_varint(out, meta.origin->born_seq);
  put_bytes(out, meta.origin->owner.text());
  put_time(out, meta.origin->created_at);
  put_bytes(out, meta.origin->created_by);
  if (meta_format(meta) == 1) return;
  put_bytes(out, meta.deleted_with);
  put_grants(out, meta);
}

bool read_meta(Reader& in, std::uint64_t format, ObjectId object, ObjectMeta& meta) {
  const auto schema_version = in.varint();
  meta.schema_version = static_cast<std::uint32_t>(schema_version);
  meta.updated_at = read_time(in);
  meta.updated_by = in.bytes();
  if (const auto ms = in.varint(); ms != 0) {
    meta.deleted_at = from_unix_ms(static_cast<std::int64_t>(ms));
  }
  auto origin = std::make_shared<Origin>();
  origin->object = std::move(object);
  origin->born_seq = in.varint();
  origin->owner = Owner::from_text(std::string{in.bytes()});
  origin->created_at = read_time(in);
  origin->created_by = in.bytes();
  meta.origin = std::move(origin);
  if (meta.schema_version != schema_version) return false;
  if (format == 1) return true;
  meta.deleted_with = in.bytes();
  return read_grants(in, meta) && (in.failed() || meta_format(meta) == format);
}

}  // namespace perdure::runtime
