// SPDX-License-Identifier: Apache-2.0
// Owner: whom an object belongs to, a user, an organization, or the host itself.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace perdure {

/// Text form  `` (host), the id (a user), `organization:<id>`. Index rows, quotas, counts and
///            events name an owner by it, so that rows of users are those of earlier versions.
/// Limits     a user's id does not begin with `organization:`; one that does is an organization.
class Owner {
 public:
  enum class Type { host, user, organization };

  Owner() = default;
  [[nodiscard]] static Owner host() { return {}; }
  /// An empty id is the host.
  [[nodiscard]] static Owner user(std::string id) { return from_text(std::move(id)); }
  [[nodiscard]] static Owner organization(std::string_view id) {
    return from_text(std::string{organization_prefix}.append(id));
  }
  [[nodiscard]] static Owner from_text(std::string text) {
    Owner owner;
    owner.text_ = std::move(text);
    return owner;
  }

  [[nodiscard]] Type type() const {
    if (text_.empty()) return Type::host;
    return text_.starts_with(organization_prefix) ? Type::organization : Type::user;
  }
  [[nodiscard]] bool is_host() const { return text_.empty(); }
  /// Of the user or the organization; empty for the host.
  [[nodiscard]] std::string_view id() const {
    std::string_view id{text_};
    if (type() == Type::organization) id.remove_prefix(organization_prefix.size());
    return id;
  }
  [[nodiscard]] const std::string& text() const { return text_; }

  auto operator<=>(const Owner&) const = default;

 private:
  static constexpr std::string_view organization_prefix = "organization:";
  std::string text_;
};

}  // namespace perdure
