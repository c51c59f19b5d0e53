// SPDX-License-Identifier: Apache-2.0
// The routes of the test server that answer with a streamed body.
#pragma once

#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "perdure/api/http/handler.hpp"
#include "perdure/base/time.hpp"

namespace perdure::http {

/// Routes below /stream; see `open` for what each of them sends.
class Streams {
 public:
  ~Streams();

  /// Whether `request` was one of these, and has been answered.
  bool handle(Request& request, Responder& responder);

 private:
  struct Open;

  void open(const Request& request, Responder responder);
  void control(const Request& request, Responder responder);
  std::string report();
  void ended(StreamEnd how, std::size_t queued_bytes_max);

  std::mutex mutex_;
  std::list<std::shared_ptr<Open>> open_;
  std::list<std::thread> producers_;
  std::string ends_;
};

}  // namespace perdure::http
