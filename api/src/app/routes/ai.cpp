// SPDX-License-Identifier: Apache-2.0
// GET /ai: which providers of models are configured. There is no setting for one yet, so none is.
#include "app/context.hpp"
#include "app/routes/tables.hpp"
#include "perdure/schemas/write_json.hpp"

namespace perdure::api {

namespace {

void overview(const ContextPtr& context) {
  JsonAnswer json;
  write_json(json.text, {{"providers", Json::array()},
                         {"defaults",
                          {{"chat", nullptr}, {"embeddings", nullptr}, {"transcription", nullptr}}},
                         {"features", Json::array()}});
  answer(*context, std::move(json));
}

}  // namespace

void add_ai_routes(std::vector<Route>& routes) {
  routes.push_back({.path = "/ai",
                    .operation = "getAi",
                    .tag = "AI",
                    .summary = "The configured providers of models, and what they are used for",
                    .permission = {"ai", Access::read},
                    .target = Function{overview},
                    .response_schema = "AiOverview",
                    .description = "None is configured: this version calls no models.",
                    .validator = Validator::none});
}

}  // namespace perdure::api
