// SPDX-License-Identifier: Apache-2.0
// perdure: the composition root. The one place that names concrete types of every room.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <limits>

#include "perdure/actors/kinds.hpp"
#include "perdure/api/app/application.hpp"
#include "perdure/api/app/bootstrap.hpp"
#include "perdure/api/effects/http_performer.hpp"
#include "perdure/api/http/direct_answers.hpp"
#include "perdure/api/http/server.hpp"
#include "perdure/api/shell/log.hpp"
#include "perdure/api/shell/metrics.hpp"
#include "perdure/runtime/lent_thread.hpp"
#include "perdure/runtime/runtime.hpp"
#include "shell/admin_key.hpp"
#include "shell/command_line.hpp"
#include "shell/data_commands.hpp"
#include "shell/errors_page.hpp"
#include "shell/events_page.hpp"
#include "shell/jobs.hpp"
#include "shell/open_files.hpp"
#include "shell/options.hpp"
#include "shell/scheduling.hpp"
#include "shell/server_hooks.hpp"
#include "shell/signals.hpp"

namespace perdure::shell {
namespace {

std::vector<Kind> all_kinds(const Config& config, const JobSettings& jobs) {
  auto kinds = actors::built_in_kinds();
  std::ranges::move(actors::domain_kinds(domain_options(config)), std::back_inserter(kinds));
  std::ranges::move(actors::job_kinds(jobs.types, jobs.options), std::back_inserter(kinds));
  return kinds;
}

std::vector<std::string> names_of(const std::vector<Kind>& kinds) {
  std::vector<std::string> names;
  for (const auto& kind : kinds) names.push_back(kind.name());
  return names;
}

Reader reader_of_log() { return isatty(STDERR_FILENO) == 1 ? Reader::person : Reader::program; }

// All that a running server is made of, in the order in which it is built; it comes down in the
// reverse order, so that whatever is called outlives its callers.
class ServerProcess {
 public:
  ServerProcess(const Config& config, ConfigInputs inputs, JobSettings jobs)
      : config_(config),
        inputs_(std::move(inputs)),
        jobs_(std::move(jobs)),
        log_(log_format(config, reader_of_log()), log_level(config), std::cerr, clock_),
        metrics_(names_of(kinds_)),
        hooks_(metrics_, log_),
        access_log_(config, log_) {}

  ExitCode run() {
    for (const auto& name : config_.unknown_variables()) {
      std::vector<LogField> fields{{"variable", name}};
      if (auto meant = nearest_variable(name); !meant.empty()) {
        fields.push_back({"meant", std::move(meant)});
      }
      log_.write(LogLevel::warning, {.logger = "config",
                                     .message = "no such setting; is the variable misspelt?",
                                     .fields = std::move(fields)});
    }
    check_open_files();
    choose_scheduling();
    if (const auto opened = open_runtime(); opened != ExitCode::ok) return opened;
    if (const auto performing = start_performers(); performing != ExitCode::ok) return performing;
    if (const auto keyed = show_admin_key(); keyed != ExitCode::ok) return keyed;
    if (const auto started = start_server(); started != ExitCode::ok) return started;
    while (signals_.wait() == Wish::reload) reload();
    stop();
    return ExitCode::ok;
  }

 private:
  void check_open_files();
  /// Before any thread of the runtime's or the server's: they inherit it.
  void choose_scheduling();
  ExitCode open_runtime();
  ExitCode start_performers();
  ExitCode show_admin_key();
  ExitCode start_server();
  ExitCode failed(ExitCode exit_code, std::string_view what, const Error& error);
  [[nodiscard]] api::SlowLimits slow_limits() const;
  api::ApplicationOptions application_options();
  api::RateLimit rate_limit(std::string_view requests, std::string_view window) const;
  std::vector<std::string> features() const;
  /// Whether data outlives the process.
  bool keeps_for_good() const { return !config_.flag("in_memory"); }
  void announce();
  void reload();
  void stop();

  const Config& config_;
  const ConfigInputs inputs_;
  const JobSettings jobs_;
  Signals signals_;  // before the log, which starts a thread
  std::size_t connections_max_ = std::numeric_limits<std::size_t>::max();  ///< open files let
  const SystemClock clock_;
  SecureRandom random_;
  const std::vector<Kind> kinds_ = all_kinds(config_, jobs_);
  Log log_;
  Metrics metrics_;
  ServerHooks hooks_;
  AccessLog access_log_;
  MemoryBudget memory_{memory_limits(config_)};  // all that counts on it is below
  std::unique_ptr<effects::HttpPerformer> http_client_;
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<actors::JobRunner> job_runner_;
  std::unique_ptr<api::Application> application_;
  std::unique_ptr<http::Server> server_;
};

ExitCode ServerProcess::failed(ExitCode exit_code, std::string_view what, const Error& error) {
  log_.write(LogLevel::critical,
             {.logger = "server", .message = what, .fields = {{"cause", to_string(error)}}});
  return exit_code;
}

void ServerProcess::check_open_files() {
  // Beside connections and the store's: logs, pipes, calls of others, connections that are refused
  // in form.
  constexpr std::uint64_t few = 256;
  const auto of_store = keeps_for_good() ? config_.number("storage.open_files") : 0;
  const auto others = static_cast<std::uint64_t>(of_store) + few;
  const auto wanted = static_cast<std::uint64_t>(config_.number("limits.connections")) + others;
  const auto limit = raise_open_files_limit();
  if (limit >= wanted) return;
  connections_max_ = connections_that_fit(limit, others);
  log_.write(LogLevel::warning,
             {.logger = "server",
              .message = "the limit of open files is lower than the settings need; raise it "
                         "(ulimit -Hn), or lower limits.connections",
              .fields = {{"limit", std::to_string(limit)},
                         {"needed", std::to_string(wanted)},
                         {"connections", std::to_string(connections_max_)}}});
}

void ServerProcess::choose_scheduling() {
  if (config_.text("threads.scheduling") != "batch" || schedule_in_batches()) return;
  log_.write(LogLevel::warning,
             {.logger = "server",
              .message = "the system refuses SCHED_BATCH; writes cost more without it"});
}

ExitCode ServerProcess::open_runtime() {
  auto options = runtime_options(config_);
  options.hooks = &hooks_;
  if (sends_direct_answers(config_)) {
    options.around_committer = [](const std::function<void()>& serve) {
      const http::DirectAnswers direct;
      serve();
    };
  }
  if (!keeps_for_good()) {
    log_.write(LogLevel::warning,
               {.logger = "server",
                .message = "all data is in memory (in_memory): nothing of it survives the end of "
                           "this process",
                .fields = {{"bytes_max", std::to_string(config_.number("storage.memory"))}}});
  }
  auto opened = Runtime::open(std::move(options), kinds_);
  if (!opened) {
    return failed(exit_code_of_open(opened.error().code), "cannot open the data directory",
                  opened.error());
  }
  runtime_ = std::move(opened).value();
  metrics_.set_runtime([this] { return runtime_->stats(); });
  return ExitCode::ok;
}

ExitCode ServerProcess::start_performers() {
  auto options = http_client_options(config_);
  options.user_agent = std::string{"perdure/"} + PERDURE_VERSION;
  auto started = effects::HttpPerformer::start(std::move(options), clock_);
  if (!started) {
    return failed(ExitCode::usage, "cannot make outgoing calls as configured", started.error());
  }
  http_client_ = std::move(started).value();
  runtime_->set_performer("http",
                          actors::webhook::for_active_owners(*runtime_, http_client_->performer()),
                          http_client_->concurrency());
  jobs_.http->client = http_client_.get();
  job_runner_ = actors::JobRunner::start(*runtime_, jobs_.types, jobs_.options);
  metrics_.set_jobs([this] { return job_counts(*runtime_); });
  return ExitCode::ok;
}

ExitCode ServerProcess::show_admin_key() {
  const auto chosen = admin_key(config_);
  if (!chosen) return failed(ExitCode::usage, "cannot take the admin's key", chosen.error());
  const auto key = api::ensure_admin(*runtime_, clock_, random_, *chosen);
  if (!key) {
    const bool is_usage = key.error().code == ErrorCode::invalid;
    return failed(is_usage ? ExitCode::usage : ExitCode::failure, "cannot make the admin's key",
                  key.error());
  }
  log_admin_key(log_, *key);
  if (!key->made.empty()) fmt::print("admin key (shown once): {}\n", key->made);
  std::fflush(stdout);
  return ExitCode::ok;
}

api::RateLimit ServerProcess::rate_limit(std::string_view requests, std::string_view window) const {
  return {.requests = static_cast<std::uint64_t>(config_.number(requests)),
          .window = std::chrono::duration_cast<std::chrono::seconds>(
              Milliseconds{config_.number(window)})};
}

std::vector<std::string> ServerProcess::features() const {
  std::vector<std::string> features{keeps_for_good() ? "durability_" + config_.text("durability")
                                                     : std::string{"in_memory"}};
  if (!config_.text("tls.certificate").empty()) features.emplace_back("tls");
  if (config_.flag("enable_echo")) features.emplace_back("websocket_echo");
  return features;
}

api::SlowLimits ServerProcess::slow_limits() const {
  const auto number = [&](const char* name) {
    return static_cast<std::size_t>(config_.number(name));
  };
  return {.read_threads = number("threads.slow"),
          .transfer_threads = number("threads.transfer"),
          .hash_threads = number("threads.hash"),
          .requests_max = number("limits.slow_requests"),
          .owner_requests_max = number("limits.slow_requests_per_owner")};
}

api::ApplicationOptions ServerProcess::application_options() {
  api::ApplicationOptions options;
  options.version = PERDURE_VERSION;
  options.cors_origins = config_.list("cors.origins");
  options.cors_headers = config_.list("cors.headers");
  if (keeps_for_good()) {
    options.data_dir = config_.text("data_dir");
  } else {
    options.store_memory_max = static_cast<std::uint64_t>(config_.number("storage.memory"));
  }
  options.body_bytes_max = static_cast<std::size_t>(config_.number("limits.body"));
  options.import_bytes_max = static_cast<std::size_t>(config_.number("limits.import"));
  options.sockets_per_user_max = static_cast<std::size_t>(config_.number("quotas.sockets"));
  options.memory = &memory_;
  options.free_bytes_min = static_cast<std::uint64_t>(config_.number("storage.free_min"));
  options.call_deadline = Milliseconds{config_.number("timeouts.call")};
  options.key_rate = rate_limit("rate_limit.key_requests", "rate_limit.key_window");
  options.server_rate = rate_limit("rate_limit.server_requests", "rate_limit.server_window");
  options.slow = slow_limits();
  options.features = features();
  options.webhooks_per_owner_max = domain_options(config_).webhooks.per_owner_max;
  options.jobs_queued_max = jobs_.options.queued_max;
  options.jobs_per_owner_queued_max = jobs_.options.owner_queued_max;
  options.check_outgoing_url = [this](std::string_view url) {
    return http_client_->check_url(url);
  };
  options.metrics.meter = [this](std::string_view route) { return &metrics_.route(route); };
  options.metrics.expose = [this](Exposition form) { return metrics_.expose(form); };
  options.job_stats = [this](const std::optional<std::string>& owner) {
    return actors::job_stats(*runtime_, jobs_.types, jobs_.options, owner);
  };
  return options;
}

ExitCode ServerProcess::start_server() {
  application_ =
      std::make_unique<api::Application>(*runtime_, clock_, random_, application_options());
  http::Services services{
      .clock = clock_,
      .random = random_,
      .render_problem =
          [this](const http::Problem& problem) { return application_->render_problem(problem); },
      .memory = &memory_,
      .on_finished = [this](const http::Finished& finished) { access_log_(finished); }};
  const auto lends = lends_of_io_threads(config_);
  services.around_io_thread = [lends](const std::function<void()>& serve) {
    const LentThread lent{lends};
    serve();
  };
  if (lends == Lends::for_commits) {
    services.after_burst = [this] {
      const http::DirectAnswers direct;
      return runtime_->commit_waiting();
    };
  }
  auto options = server_options(config_);
  options.limits.connections_max = std::min(options.limits.connections_max, connections_max_);
  auto started = http::Server::start(std::move(options), std::move(services), *application_);
  if (!started) {
    const auto usage = started.error().code == ErrorCode::invalid;
    return failed(usage ? ExitCode::usage : ExitCode::failure, "cannot listen", started.error());
  }
  server_ = std::move(started).value();
  announce();
  return ExitCode::ok;
}

// Scripts read these lines: the listening one is the last, and nothing else goes to standard
// output.
void ServerProcess::announce() {
  const auto scheme = config_.text("tls.certificate").empty() ? "http" : "https";
  const auto url = fmt::format("{}://{}", scheme, authority(config_, server_->port()));
  fmt::print("listening on {}\n", url);
  std::fflush(stdout);
  std::vector<LogField> fields{{"url", url}, {"version", std::string{PERDURE_VERSION}}};
  if (keeps_for_good()) {
    fields.push_back({"data_dir", config_.text("data_dir")});
    fields.push_back({"durability", config_.text("durability")});
  } else {
    fields.push_back({"store", "memory"});
  }
  log_.write(LogLevel::info,
             {.logger = "server", .message = "listening", .fields = std::move(fields)});
}

void ServerProcess::reload() {
  if (const auto fresh = Config::load(inputs_)) {
    log_.set_level(log_level(*fresh));
  } else {
    log_.write(LogLevel::error, {.logger = "server",
                                 .message = "cannot reload: the configuration is not valid",
                                 .fields = {{"cause", fresh.error().detail}}});
  }
  if (!config_.text("tls.certificate").empty()) {
    if (const auto reloaded = server_->reload_tls(); !reloaded) {
      log_.write(LogLevel::error, {.logger = "server",
                                   .message = "cannot reload the certificate; the old one stays",
                                   .fields = {{"cause", to_string(reloaded.error())}}});
    }
  }
  log_.write(LogLevel::info, {.logger = "server", .message = "reloaded"});
}

void ServerProcess::stop() {
  signals_.stop_at_once_from_now_on();
  log_.write(LogLevel::info, {.logger = "server", .message = "stopping"});
  application_->start_draining();
  server_->drain(Milliseconds{config_.number("timeouts.drain")});
  job_runner_->stop();
  runtime_->stop();
  log_.write(LogLevel::info, {.logger = "server", .message = "stopped"});
}

ExitCode print_config(const Config& config, ConfigCommand::Form form) {
  switch (form) {
    case ConfigCommand::Form::table: fmt::print("{}", config.to_table()); break;
    case ConfigCommand::Form::json: fmt::print("{}\n", config.to_json().dump(2)); break;
    case ConfigCommand::Form::markdown: fmt::print("{}", settings_as_markdown()); break;
  }
  return ExitCode::ok;
}

void warn_of_variables(const Config& config) {
  for (const auto& name : config.unknown_variables()) {
    const auto meant = nearest_variable(name);
    fmt::print(stderr, "perdure: {}: no such setting; is the variable misspelt?{}\n", name,
               meant.empty() ? "" : fmt::format(" There is {}.", meant));
  }
}

struct Runner {
  const Config& config;
  const ConfigInputs& inputs;

  ExitCode operator()(const ServeCommand&) const {
    auto jobs = job_settings(config);
    if (!jobs) {
      fmt::print(stderr, "perdure: {}\n", jobs.error().detail);
      return ExitCode::usage;
    }
    return ServerProcess{config, inputs, std::move(*jobs)}.run();
  }
  ExitCode operator()(const VersionCommand&) const {
    fmt::print("perdure {}\n", PERDURE_VERSION);
    return ExitCode::ok;
  }
  ExitCode operator()(const ConfigCommand& command) const {
    return print_config(config, command.form);
  }
  ExitCode operator()(const EventsCommand&) const {
    fmt::print("{}", topics_as_markdown());
    return ExitCode::ok;
  }
  ExitCode operator()(const ErrorsCommand&) const {
    fmt::print("{}", errors_as_markdown(all_kinds(config, {})));
    return ExitCode::ok;
  }
  ExitCode operator()(const OpenapiCommand&) const {
    fmt::print("{}\n", api::openapi_document(PERDURE_VERSION, all_kinds(config, {})));
    return ExitCode::ok;
  }
  ExitCode operator()(const CheckCommand&) const { return check(config, all_kinds(config, {})); }
  ExitCode operator()(const DumpCommand& command) const {
    return dump(config, command, all_kinds(config, {}));
  }
};

ExitCode run(int argc, const char* const* argv) {
  const auto parsed = parse_command_line(argc, argv, perdure_environment());
  if (const auto* message = std::get_if<Message>(&parsed)) {
    fmt::print(message->exit_code == ExitCode::ok ? stdout : stderr, "{}", message->text);
    return message->exit_code;
  }
  const auto& line = std::get<CommandLine>(parsed);
  const auto config = Config::load(line.inputs);
  if (!config) {
    fmt::print(stderr, "perdure: the configuration is not valid\n{}\n", config.error().detail);
    return ExitCode::usage;
  }
  // A server's log has them.
  if (!std::holds_alternative<ServeCommand>(line.command)) warn_of_variables(*config);
  return std::visit(Runner{*config, line.inputs}, line.command);
}

}  // namespace
}  // namespace perdure::shell

int main(int argc, char** argv) {
  try {
    return static_cast<int>(perdure::shell::run(argc, argv));
  } catch (const std::exception& error) {
    fmt::print(stderr, "perdure: {}\n", error.what());
    return static_cast<int>(perdure::shell::ExitCode::failure);
  }
}
