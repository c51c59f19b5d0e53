// SPDX-License-Identifier: Apache-2.0
#include "export_seal.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "perdure/base/crypto.hpp"
#include "perdure/schemas/schema.hpp"
#include "secrets.hpp"

namespace perdure::runtime {

namespace {

constexpr const char* sealed_member = "sealed";
constexpr const char* state_member = "state";

Unexpected no_key(const std::filesystem::path& file, const char* what) {
  return fail(ErrorCode::unavailable, "the key that seals exports (" + file.string() + ") " + what);
}

/// Whole or not at all, and durable: what was sealed is to be opened after a crash.
bool write_durably(const std::filesystem::path& file, std::string_view text) {
  auto unfinished = file;
  unfinished += ".new";
  constexpr int for_owner_alone = 0600;
  const int handle = ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                            for_owner_alone);  // NOLINT: C interface
  if (handle < 0) return false;
  bool good = ::fchmod(handle, for_owner_alone) == 0;  // it may have been left by a crash
  good = good && ::write(handle, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  good = good && ::fsync(handle) == 0;
  good = ::close(handle) == 0 && good;
  good = good && ::rename(unfinished.c_str(), file.c_str()) == 0;
  if (!good) return false;
  const int directory =
      ::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);  // NOLINT
  if (directory < 0) return false;
  good = ::fsync(directory) == 0;
  return ::close(directory) == 0 && good;
}

/// What the secrets are sealed beside: all the rest of the header.
std::string rest_of(const Json& header) {
  Json rest = header;
  rest.erase(sealed_member);
  return dump_json(rest);
}

Error sealed_elsewhere() {
  return invalid_value({{"/sealed", "sealed_elsewhere",
                         "holds secrets that only the data directory which the export comes from "
                         "can open, and only as long as nothing in the header is changed"}});
}

}  // namespace

Result<SealKey> ExportSeal::read_or_make() const {
  SealKey key{};
  if (file_.empty()) {
    random_.fill(key);
    return key;
  }
  std::string text;
  if (std::ifstream file{file_}; file) {
    std::getline(file, text);
    const auto bytes = from_hex(text);
    if (!bytes || bytes->size() != key.size()) return no_key(file_, "is damaged");
    std::ranges::copy(*bytes, key.begin());
    return key;
  }
  if (std::filesystem::exists(file_)) return no_key(file_, "cannot be read");
  if (access_ == AccessMode::read_only) return no_key(file_, "is not there");
  random_.fill(key);
  if (!write_durably(file_, to_hex(bytes_of(key)) + '\n')) {
    return no_key(file_, "cannot be written");
  }
  return key;
}

Result<const SealKey*> ExportSeal::key() {
  const std::scoped_lock lock{mutex_};
  if (!key_) {
    PERDURE_TRY(key, read_or_make());
    key_ = key;
  }
  return &*key_;
}

Result<void> ExportSeal::close(const KindDefinition& kind, Json& header) {
  if (kind.secrets.empty()) return {};
  Json& state = header[state_member];
  const Json secrets = secrets_of(kind, state);
  state = without_secrets(kind, std::move(state));
  const bool may_make = file_.empty() || access_ == AccessMode::read_write;
  if (!may_make && !std::filesystem::exists(file_)) return {};
  PERDURE_TRY(known, key());
  header[sealed_member] = to_base64url(seal(*known, random_, dump_json(secrets), rest_of(header)));
  return {};
}

Result<void> ExportSeal::open(Json& header) {
  const auto found = header.is_object() ? header.find(sealed_member) : header.end();
  if (found == header.end()) return {};
  const auto sealed =
      found->is_string() ? from_base64url(found->get_ref<const std::string&>()) : std::nullopt;
  if (!sealed) return fail(sealed_elsewhere());
  PERDURE_TRY(known, key());
  const auto text = open_sealed(*known, *sealed, rest_of(header));
  if (!text) return fail(sealed_elsewhere());
  PERDURE_TRY(secrets, parse_stored_json(*text));
  put_secrets(secrets, header[state_member]);
  header.erase(sealed_member);
  return {};
}

}  // namespace perdure::runtime
