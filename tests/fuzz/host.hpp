// SPDX-License-Identifier: Apache-2.0
// A real application on a real runtime, asked without a socket. One for the whole process, with a
// directory of its own; started anew now and then, so that inputs do not pile up.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "perdure/api/app/application.hpp"
#include "unit/api/app/exchange.hpp"

namespace perdure::fuzz {

/// Threads  one at a time.
class Host {
 public:
  static constexpr const char* admin_key = "an-admin-key-for-the-tests";

  [[nodiscard]] static Host& instance();
  /// Ends the one that there is, if any: the actor system must not outlive `main`.
  static void end();
  ~Host();

  /// Waits for the answer; a stream is closed as soon as it has begun.
  [[nodiscard]] api::Answer ask(http::Request&& request);
  [[nodiscard]] Runtime& runtime() { return *runtime_; }

  /// Begins with nothing but an administrator.
  void restart();

 private:
  Host();
  void stop();

  static std::unique_ptr<Host> one;

  static constexpr std::size_t questions_max = 5'000;

  const std::filesystem::path directory_;
  SystemClock clock_;
  SecureRandom random_;
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<api::Application> application_;
  std::size_t questions_ = 0;
};

}  // namespace perdure::fuzz
