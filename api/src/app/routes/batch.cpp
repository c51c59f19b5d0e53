// SPDX-License-Identifier: Apache-2.0
// /batch: many requests in one (app/batch).
#include "app/batch/batch.hpp"

#include "app/pipeline.hpp"
#include "app/routes/tables.hpp"

namespace perdure::api {

void add_batch_routes(std::vector<Route>& routes) {
  routes.push_back(
      {.method = http::Method::post,
       .path = "/batch",
       .operation = std::string{batch_operation},
       .tag = "Batch",
       .summary = "Many requests in one: all or none of them, or each by itself",
       .permission = {.access = Access::any_scope},
       .target = Slow{run_batch},
       .request_schema = "BatchRequest",
       .response_schema = "BatchResult",
       .body = BodyUse::required,
       .description =
           "Each request needs the scope that it needs by itself, and counts for the rate limits. "
           "`$1.id` in a path or a body is a member of the first request's result, `$goal.id` one "
           "of the request whose `id` is `goal`; `$$1.id` is the text `$1.id`. Atomic: creates, "
           "changes and deletes of single resources (others are a 422, `not_in_batch`), in one "
           "commit; the first problem is the answer, its pointers below `/requests/<n>`, the first "
           "request being 0 there as in any JSON Pointer. Not atomic: each has its own result, "
           "reads and lists too, and later ones go on; what refers to a failed one is a 424. With "
           "an `Idempotency-Key` the whole answer is kept.",
       .validator = Validator::none,
       .example =
           R"({"atomic":true,"requests":[)"
           R"({"method":"POST","path":"/notebooks","body":{"title":"Travels"}},)"
           R"({"method":"POST","path":"/notebooks/$1.id/pages","body":{"title":"Day one"}}]})"});
}

}  // namespace perdure::api
