// SPDX-License-Identifier: Apache-2.0
// BatchAnswer: the answer of a batch while it is made, and as it is kept for its idempotency key.
//
// Secrets that items show are put in at last. What is kept has them sealed under the caller's own
// key, which is stored nowhere: a retry with that key shows them, one with another key of the same
// user does not.
#pragma once

#include <string>
#include <vector>

#include "app/batch/request.hpp"

namespace perdure::api {

namespace limits {
/// The items of a batch's answer as text.
inline constexpr std::size_t batch_answer_bytes_max = 4u << 20;
}  // namespace limits

/// The body of a response as JSON: null where there is none, a text where it is no JSON.
[[nodiscard]] Json body_of(const http::Response& response);

class BatchAnswer {
 public:
  void clear();
  /// Adds what a request was answered with.
  /// Errors  too_large  the answer has no room for it; nothing was added.
  Result<void> add(const std::string& name, const RunningRequest& request);
  /// For a request that was not carried out, or whose answer found no room.
  void add_problem(const std::string& name, const Problem& problem, const Context& whole,
                   const std::string& path);
  /// For a request that was carried out, and whose answer found no room: without its body.
  void add_without_body(const std::string& name, const RunningRequest& request);

  [[nodiscard]] bool is_full() const { return bytes_ >= limits::batch_answer_bytes_max; }
  /// As it is sent.
  [[nodiscard]] std::string text() const;
  /// As it is kept.
  [[nodiscard]] Json stored(Context& whole) const;
  /// A kept one as it is sent again.
  [[nodiscard]] static std::string text_of(const Context& whole, Json stored);

 private:
  std::vector<std::string> items_;  ///< as JSON texts, which take the least memory
  std::vector<std::pair<std::size_t, std::string>> secrets_;  ///< by the item
  std::size_t bytes_ = 0;
};

}  // namespace perdure::api
