// SPDX-License-Identifier: Apache-2.0
// Messages into actors, and the two things that the actor system promises of them: what a sender
// did before it sent is there when the message is handled, and an actor's messages are handled one
// after the other.
//
// CAF keeps them by atomics of its own. ThreadSanitizer does not see these, since Debian's CAF is
// built without it, and would report every message; so it is told of the two promises here, and of
// nothing else (tests/README.md). In every other build the telling is nothing.
#pragma once

#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/mailbox_element.hpp>
#include <utility>

#include "perdure/base/thread_sanitizer.hpp"

#ifdef PERDURE_THREAD_SANITIZER
extern "C" void __tsan_acquire(void* place);
extern "C" void __tsan_release(void* place);
#endif

namespace perdure::runtime {

#ifdef PERDURE_THREAD_SANITIZER

/// What happened before `handed_over` happened before all that follows a later `taken_over` of the
/// same place.
inline void handed_over(const void* place) { __tsan_release(const_cast<void*>(place)); }
inline void taken_over(const void* place) { __tsan_acquire(const_cast<void*>(place)); }

/// Under every actor of ours: it goes on, and ends, after the last message that it has handled.
class OrderedActor : public caf::event_based_actor {
 public:
  using caf::event_based_actor::event_based_actor;

  resume_result resume(caf::execution_unit* unit, std::size_t messages_max) override {
    taken_over(this);
    return caf::event_based_actor::resume(unit, messages_max);
  }
  void on_destroy() override {
    taken_over(this);
    caf::event_based_actor::on_destroy();
  }
};

#else

inline void handed_over(const void*) {}
inline void taken_over(const void*) {}
using OrderedActor = caf::event_based_actor;

#endif

/// Lives in a handler for as long as its message is handled. The message is the mailbox's own, not
/// a copy.
class Handling {
 public:
  template <class Message>
  Handling(const OrderedActor& actor, const Message& message) : actor_(actor) {
    taken_over(&message);
  }
  ~Handling() { handed_over(&actor_); }
  Handling(const Handling&) = delete;
  Handling& operator=(const Handling&) = delete;

 private:
  const OrderedActor& actor_;
};

/// As caf::anon_send. An actor that the message wakes is handed to `unit`; null: to the scheduler.
template <class Message>
void send_to(const caf::actor& actor, Message message, caf::execution_unit* unit = nullptr) {
  auto element = caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, std::move(message));
#ifdef PERDURE_THREAD_SANITIZER
  handed_over(std::as_const(*element).content().get(0));
#endif
  actor->enqueue(std::move(element), unit);
}

}  // namespace perdure::runtime
