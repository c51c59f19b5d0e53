// SPDX-License-Identifier: Apache-2.0
// References of a batch's requests to results of earlier ones: `$1.id`, `$1.tags.0`, `$goal.id`.
//
//   $ <number, from 1, or the request's own `id`> . <member> { . <member or place> }
//
// In a body a reference is a whole string, and the value stands in its place whatever its type. In
// a path it is a whole segment or a whole value of the query, and the value is a text, a number or
// a truth value. The first member begins with a letter or `_`, so `$3.50` is a text; names that no
// request has begin none. One more `$` in front takes a reference for a text: `$$1.id` is `$1.id`.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/problem.hpp"

namespace perdure::api {

namespace limits {
/// The values that all references of a batch stand for, as text: a reference takes some bytes of a
/// request, and its value may take a thousand times as many.
inline constexpr std::size_t batch_values_bytes_max = 1u << 20;
}  // namespace limits

/// What a request of a batch came to.
struct BatchResult {
  enum class Fate { done, failed } fate = Fate::done;
  Json body = nullptr;
};

/// Results by which later requests are completed. Threads: one at a time.
class BatchResults {
 public:
  /// `names` are those of the requests in their order, empty where one has none.
  explicit BatchResults(const std::vector<std::string>& names);

  void add(BatchResult result) { results_.push_back(std::move(result)); }
  void clear() {
    results_.clear();
    values_bytes_ = 0;
  }

  /// Puts values in the place of references.
  /// Returns  what is wrong, if anything is, with a pointer as the request by itself would get
  ///          it (into the body, or `path`): code `validation_failed` (rules `unknown_result`,
  ///          `no_member`, `type`), `failed_dependency`, or `too_large` (batch_values_bytes_max).
  [[nodiscard]] std::optional<Problem> complete_path(std::string& path);
  [[nodiscard]] std::optional<Problem> complete_body(Json& body);

  /// The requests that others refer to, of all that were named.
  [[nodiscard]] std::vector<bool> referred(const std::vector<std::string>& paths,
                                           const std::vector<const Json*>& bodies) const;

 private:
  struct Reference {
    std::size_t request = 0;
    std::vector<std::string> members;
  };
  /// A text that begins with `$` and is no plain one.
  struct Marked {
    std::optional<Reference> reference;  ///< none: `text` is what was meant
    std::string text;
  };
  [[nodiscard]] std::optional<Marked> read(std::string_view text) const;
  [[nodiscard]] std::optional<Problem> find(const Reference& reference, const std::string& text,
                                            const std::string& pointer, Json& value);
  [[nodiscard]] std::optional<Problem> complete(Json& value, const std::string& pointer);
  [[nodiscard]] std::optional<Problem> complete_part(std::string& out, std::string_view part);
  void note(std::string_view text, std::vector<bool>& referred) const;
  void note_all(const Json& value, std::vector<bool>& referred) const;

  std::map<std::string, std::size_t, std::less<>> names_;
  std::size_t requests_;
  std::vector<BatchResult> results_;
  std::size_t values_bytes_ = 0;
};

}  // namespace perdure::api
