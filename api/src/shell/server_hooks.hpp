// SPDX-License-Identifier: Apache-2.0
// What is counted and logged while the server runs.
#pragma once

#include "perdure/api/http/server.hpp"
#include "perdure/api/shell/log.hpp"
#include "perdure/api/shell/metrics.hpp"
#include "shell/config.hpp"

namespace perdure::shell {

/// The runtime's hooks: everything is counted, and what an operator must act upon is logged.
/// It overrides each one, or it would be abstract.
class ServerHooks final : public EveryHook {
 public:
  ServerHooks(Metrics& metrics, Log& log) : metrics_(metrics), log_(log) {}

  void turn_finished(std::string_view kind, std::chrono::nanoseconds handler) override {
    metrics_.turn_finished(kind, handler);
  }
  void batch_committed(std::size_t turns, std::chrono::nanoseconds write_and_sync) override {
    metrics_.batch_committed(turns, write_and_sync);
  }
  void activated(std::string_view kind) override { metrics_.activated(kind); }
  void hibernated(std::string_view kind) override { metrics_.hibernated(kind); }
  void alarm_fired(const ObjectId& object, std::chrono::milliseconds late) override {
    metrics_.alarm_fired(object, late);
  }
  void outbox_changed(std::size_t items) override { metrics_.outbox_changed(items); }
  void dead_letter_made(const ObjectId& letter, const Error& cause) override;
  void call_unheard(const ObjectId& object, std::string_view name, const Error& error) override;
  void writes_stopped(const Error& cause) override;
  void damage_found(const Error& cause) override;
  void line_broken(const Error& cause) override;
  void writes_resumed() override;
  void reopening_failed(const Error& cause) override;
  void build_started(const KindBuild& build) override;
  void build_finished(const KindBuild& build) override;
  void duplicate_found(const Duplicate& duplicate) override;
  void unknown_kind_found(const UnknownKind& unknown) override;

 private:
  Metrics& metrics_;
  Log& log_;
  std::size_t duplicates_told_ = 0;  ///< the builder's thread
  bool reopening_failed_ = false;    ///< reported already; the housekeeper's thread
};

/// What a line says of a request: method, path (without the query, which may hold secrets), route
/// template, status, duration, sizes, and the cause where it failed.
[[nodiscard]] std::vector<LogField> access_fields(const http::Finished& finished);

/// One line for a request that failed or was slow; for every request at DEBUG, or when
/// `log.requests` is `all`.
/// Threads  any.
class AccessLog {
 public:
  AccessLog(const Config& config, Log& log);
  void operator()(const http::Finished& finished) const;

 private:
  Log& log_;
  LogLevel ordinary_;
  std::chrono::milliseconds slow_;
};

}  // namespace perdure::shell
