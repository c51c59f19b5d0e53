// SPDX-License-Identifier: Apache-2.0
#include "shell/signals.hpp"

#include <unistd.h>

#include <csignal>

namespace perdure::shell {
namespace {

sigset_t stopping() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

sigset_t steering() {
  sigset_t set = stopping();
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

Signals::Signals() {
  const auto set = steering();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // A peer that is gone shows as an error of the write, not as the end of the server.
  std::signal(SIGPIPE, SIG_IGN);
  // A file that may grow no further, likewise (ulimit -f): writes stop, and it is said why.
  std::signal(SIGXFSZ, SIG_IGN);
}

Wish Signals::wait() {
  const auto set = steering();
  int received = 0;
  while (sigwait(&set, &received) != 0) {
  }
  return received == SIGHUP ? Wish::reload : Wish::stop;
}

void Signals::stop_at_once_from_now_on() {
  const auto at_once = [](int) { _exit(1); };
  std::signal(SIGTERM, at_once);
  std::signal(SIGINT, at_once);
  const auto set = stopping();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace perdure::shell
