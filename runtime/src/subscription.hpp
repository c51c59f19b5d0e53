// SPDX-License-Identifier: Apache-2.0
// Subscriptions: objects that are woken by events. Each is an object of the kind `subscription`
// with its topics, its target and its cursor; handing events on is a turn of it, which sends them
// to the target and moves the cursor in one commit. So the target gets each event exactly once, in
// the log's order.
#pragma once

#include <map>
#include <mutex>

#include "event_feed.hpp"
#include "perdure/runtime/call.hpp"
#include "perdure/runtime/kind.hpp"
#include "version.hpp"

namespace perdure::runtime {

inline constexpr std::string_view subscription_kind_name = "subscription";

/// The kind: `subscribe` (creates) `{topics, kind, id, command, after?}`, `pass_on` (the runtime's
/// own); removed like any object.
[[nodiscard]] Kind subscription_kind();

/// Threads  changed, and the callbacks it hands out: any. step: one.
class Subscriptions {
 public:
  using CallObject = std::function<void(Call, ReplyHandler)>;
  /// `wake` is called when `step` has something to do.
  Subscriptions(const storage::Store& store, EventFeed& feed, CallObject call,
                std::function<void()> wake);

  /// A subscription object has a new durable version.
  void changed(const ObjectId& object, const Version& version);
  /// True when something moved.
  bool step();
  void reset();

 private:
  struct Subscription {
    std::vector<std::string> topics;
    std::string owner;
    std::string cursor;
    bool busy = false;
    std::string looked_to = {};  ///< nothing matched up to here
  };

  void load();
  void pass_on(const std::string& id, Subscription& subscription);

  const storage::Store& store_;
  EventFeed& feed_;
  const CallObject call_;
  const std::function<void()> wake_;

  std::mutex mutex_;  // guards the rest
  std::map<std::string, Subscription> subscriptions_;
  bool loaded_ = false;
  std::unique_ptr<EventWatch> watch_;
};

}  // namespace perdure::runtime
