// SPDX-License-Identifier: Apache-2.0
// /users/me as data protection law has it: everything out, and everything gone.
#include <algorithm>
#include <deque>
#include <optional>
#include <vector>

#include "app/dispatch.hpp"
#include "app/piecewise_answer.hpp"
#include "app/routes/tables.hpp"
#include "app/services.hpp"
#include "perdure/actors/archive.hpp"
#include "perdure/actors/resource.hpp"
#include "perdure/runtime/access.hpp"

namespace perdure::api {

namespace {

using http::Method;

Result<PieceReader> open_archive(Context& context, http::Headers& head) {
  const auto& services = context.services;
  const auto& user = context.principal().user_id;
  const actors::KindFilter filter = [&services,
                                     scopes = context.principal().scopes](std::string_view kind) {
    return scope_allows(scopes, services.router.resource_of(kind), ScopeAccess::read);
  };
  PERDURE_TRY(left_out, actors::kind_left_out(services.runtime, user, filter));
  if (!left_out.empty()) {
    return fail(ErrorCode::forbidden,
                "an archive has everything, and the API key's scopes do not "
                "include " +
                    services.router.resource_of(left_out) + ":read");
  }
  PERDURE_TRY(archive,
              actors::UserArchive::open(services.runtime, user, services.clock.now(), filter));
  head.add("Content-Type", "application/json");
  head.add("Cache-Control", "private, no-store");
  head.add("Content-Disposition", "attachment; filename=\"perdure-archive.json\"");
  // Shared: a PieceReader can be copied.
  return [archive = std::shared_ptr<actors::UserArchive>{std::move(archive)}](
             std::string& out, std::size_t bytes) { return archive->read(out, bytes); };
}

// Keys go after what they lead to, and the user last: an erasure that was interrupted can be asked
// for again.
int erasure_rank(const ObjectId& object) {
  if (object.kind == "user") return 2;
  return object.kind == "api_key" ? 1 : 0;
}

/// One call of an erasure.
struct Erasing {
  ObjectId object;
  std::string_view command;
  Json payload = nullptr;
};

/// What ends an object before it is deleted; empty: nothing has to.
std::string_view last_command(const std::string& kind) {
  if (kind == "job") return "cancel";
  if (kind == "api_key") return "revoke";
  if (kind == "user") return "erase";
  return {};
}

/// Erases the caller and all that is the caller's. First all is deleted, so that what an
/// interruption leaves is purged in time; then all is purged. A call at a time: while an object is
/// at it the task is parked. An administrator gives up the role before anything else, so that the
/// last one is refused with nothing done.
class Erasure final : public SlowTask, public std::enable_shared_from_this<Erasure> {
 public:
  Erasure(ContextPtr context, WorkerPool& pool) : context_(std::move(context)), pool_(pool) {}

  Step step(const Slice& slice) override {
    auto next = outcome_ ? go_on(slice) : Result<Step>{fail(std::move(outcome_).error())};
    if (next) return *next;
    answer(*context_, std::move(next).error());
    return Step::done;
  }

 private:
  Result<Step> go_on(const Slice& slice) {
    if (!std::exchange(has_begun_, true) && is_privileged(context_->principal())) {
      ask({{"user", context_->principal().user_id}, actors::command::update, {{"role", "user"}}});
      return Step::parked;
    }
    if (calls_.empty()) {
      PERDURE_TRY(listed, list(slice));
      if (listed == Step::again) return Step::again;
      if (found_.empty()) {
        answer_nothing(*context_);
        return Step::done;
      }
      plan();
    }
    auto call = std::move(calls_.front());
    calls_.pop_front();
    ask(std::move(call));
    // Requests that are on their way beside this one may still have made something: so again.
    if (calls_.empty() && ++passes_ == passes_max) last_ = true;
    return Step::parked;
  }

  /// Lists a page in a slice. `done`: all of them are in `found_`.
  Result<Step> list(const Slice& slice) {
    if (last_) {
      found_.clear();
      return Step::done;
    }
    if (!objects_) {
      objects_.emplace(context_->services.runtime, context_->principal().user_id);
      found_.clear();
    }
    do {
      PERDURE_TRY(view, objects_->next());
      if (!view) {
        objects_.reset();
        return Step::done;
      }
      found_.push_back(view->meta.object());
    } while (!slice.over());
    return Step::again;
  }

  void plan() {
    std::ranges::stable_sort(found_, {}, erasure_rank);
    for (const auto& object : found_) {
      if (const auto last = last_command(object.kind); !last.empty()) {
        calls_.push_back({object, last});
      }
      calls_.push_back({object, builtin::remove});
    }
    for (auto& object : found_) calls_.push_back({std::move(object), builtin::purge});
  }

  void ask(Erasing call) {
    // What is gone already is as wanted; a job that is over cannot be cancelled.
    const bool is_cancel = call.command == "cancel";
    auto done = [self = shared_from_this(), is_cancel](Result<Reply> reply) {
      const auto code = reply ? ErrorCode::not_found : reply.error().code;
      const bool fits = code == ErrorCode::not_found || (is_cancel && code == ErrorCode::conflict);
      if (!fits) self->outcome_ = fail(std::move(reply).error());
      self->pool_.resume(self);
    };
    auto principal = context_->principal();
    principal.scopes = "*";  // to destroy a user is to destroy all that is the user's
    Call asked{.target = std::move(call.object),
               .name = std::string{call.command},
               .payload = std::move(call.payload),
               .principal = std::move(principal),
               .request_id = context_->request.request_id};
    context_->services.runtime.call(std::move(asked), std::move(done));
  }

  static constexpr int passes_max = 3;

  const ContextPtr context_;
  WorkerPool& pool_;
  std::optional<actors::OwnedObjects> objects_;
  std::vector<ObjectId> found_;
  std::deque<Erasing> calls_;
  Result<void> outcome_;  // of the last call; told before the task is resumed
  int passes_ = 0;
  bool has_begun_ = false;
  bool last_ = false;
};

Sliced erasure() {
  return {[](ContextPtr context) {
    auto& pool = context->services.slow_work.of(WorkClass::transfer);
    return std::make_shared<Erasure>(std::move(context), pool);
  }};
}

}  // namespace

void add_user_data_routes(std::vector<Route>& routes) {
  routes.push_back({.path = "/users/me/export",
                    .operation = "exportMe",
                    .tag = "Users",
                    .summary = "Everything of the caller as one archive",
                    .permission = {"users", Access::read},
                    .target = piecewise(open_archive),
                    .description = "Also needs the scope `<resource>:read` of every kind in it."});
  routes.push_back({.method = Method::del,
                    .path = "/users/me",
                    .operation = "deleteMe",
                    .tag = "Users",
                    .summary = "Erase the caller and everything that is the caller's",
                    .permission = {"users", Access::destroy},
                    .target = erasure(),
                    .status = 204});
}

}  // namespace perdure::api
