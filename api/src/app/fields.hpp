// SPDX-License-Identifier: Apache-2.0
// Header fields that routes read: lists, media types, entity tags. Pure functions of text.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "perdure/api/http/coding.hpp"
#include "perdure/api/http/headers.hpp"
#include "perdure/base/object_id.hpp"
#include "perdure/base/result.hpp"

namespace perdure::api {

/// Without the spaces and tabs around it.
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;

/// The values of all fields of this name, joined by `, ` (RFC 9110, section 5.3).
[[nodiscard]] std::optional<std::string> joined(const http::Headers& headers,
                                                std::string_view name);

/// How much a client that sent this Accept wants `type` (such as `application/json`), from 0 (not
/// at all) to 1. A range with a `version` wants that one only; other parameters are not looked at.
[[nodiscard]] double acceptance(std::string_view accept, std::string_view type);

/// The place of the type that is wanted most, the first of several; none when none is accepted.
[[nodiscard]] std::optional<std::size_t> best_type(std::string_view accept,
                                                   std::span<const std::string_view> types);

/// Whether a Content-Type names `type`, with no charset but UTF-8.
[[nodiscard]] bool is_media_type(std::string_view content_type, std::string_view type);

/// If-Match or If-None-Match: `*`, or tags. A tag that was given for a body under gzip names the
/// same thing as the one of the plain body.
struct TagList {
  enum class Scope { listed, any };
  struct Tag {
    std::string text;        ///< as it was sent, with its quotes
    std::string opaque;      ///< within the quotes, without the suffix of gzip
    std::optional<Seq> seq;  ///< of an object's tag
    enum class Strength { strong, weak } strength = Strength::strong;
  };
  Scope scope = Scope::listed;
  std::vector<Tag> tags;

  /// The comparison of If-None-Match (RFC 9110, section 8.8.3.2).
  [[nodiscard]] bool matches_weakly(Seq seq) const;
  /// The same with any tag, `opaque` standing within its quotes. Returns the tag that a 304 tells:
  /// one that the client has, of the coding that it would get if it has that one. Nothing when none
  /// matches.
  [[nodiscard]] std::optional<std::string> find_weakly(std::string_view opaque,
                                                       http::Coding wanted) const;
  /// The comparison of If-Match.
  [[nodiscard]] bool matches_strongly(Seq seq) const;
};

/// `line` is the store's (Runtime::line): a tag of another line has no seq, so it fits no object.
/// Errors  malformed  not the grammar of RFC 9110, section 13.1.
[[nodiscard]] Result<TagList> parse_tags(std::string_view text, std::string_view field_name,
                                         std::uint32_t line);

/// What stands within the quotes of an object's tag: `12`, or `12.5eed0001` in another line than
/// the first; `12~5` where the body also shows something that is not of the object's own state, and
/// that `beside` names. To If-Match it says its seq alone: that is what a change builds on.
[[nodiscard]] std::string opaque_tag(Seq seq, std::uint32_t line, std::string_view beside = {});
/// `"12"`.
[[nodiscard]] std::string format_tag(Seq seq, std::uint32_t line);

/// A valid W3C `traceparent` of version 00.
[[nodiscard]] bool is_traceparent(std::string_view text) noexcept;

}  // namespace perdure::api
