// SPDX-License-Identifier: Apache-2.0
#include "shell/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "perdure/storage/memory_store.hpp"
#include "perdure/storage/rocksdb_store.hpp"

namespace perdure::shell {
namespace {

Milliseconds duration(const Config& config, std::string_view name) {
  return Milliseconds{config.number(name)};
}

std::chrono::seconds whole_seconds(const Config& config, std::string_view name) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration(config, name));
}

std::size_t size(const Config& config, std::string_view name) {
  return static_cast<std::size_t>(config.number(name));
}

std::size_t owner_concurrency(const Config& config) {
  const auto chosen = size(config, "http_client.owner_concurrency");
  if (chosen != 0) return chosen;
  return std::max<std::size_t>(size(config, "http_client.concurrency") / 4, 1);
}

// `listen` was checked when it was read.
struct HostPort {
  std::string_view host;
  std::uint16_t port;
};

HostPort split_listen(std::string_view listen) {
  const auto colon = listen.rfind(':');
  const auto digits = listen.substr(colon + 1);
  HostPort parts{.host = listen.substr(0, colon), .port = 0};
  std::from_chars(digits.data(), digits.data() + digits.size(), parts.port);
  return parts;
}

std::string_view without_brackets(std::string_view host) {
  return host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
}

}  // namespace

std::shared_ptr<storage::StoreFactory> store_factory(const Config& config) {
  if (config.flag("in_memory")) {
    return storage::memory_factory(size(config, "storage.memory"), "storage.memory");
  }
  return storage::rocksdb_factory(
      {.directory = config.text("data_dir"),
       .block_cache_bytes = size(config, "storage.cache"),
       .write_buffer_bytes = size(config, "storage.write_buffer"),
       .open_files_max = static_cast<int>(config.number("storage.open_files"))});
}

RuntimeOptions runtime_options(const Config& config) {
  RuntimeOptions options;
  options.store = store_factory(config);
  if (options.store->keeps() == storage::Keeps::for_good) {
    options.data_dir = config.text("data_dir");
  }
  options.durability =
      config.text("durability") == "sync" ? DurabilityMode::sync : DurabilityMode::buffered;
  options.accept_lost_commits =
      config.flag("accept_lost_commits") ? AcceptLostCommits::yes : AcceptLostCommits::no;
  options.hibernate_after = duration(config, "objects.hibernate_after");
  options.active_bytes_max = size(config, "objects.active_memory");
  options.mailbox_max = size(config, "objects.mailbox");
  options.in_flight_max = size(config, "objects.in_flight");
  options.owner_in_flight_max = size(config, "objects.owner_in_flight");
  options.idempotency_window = whole_seconds(config, "idempotency_window");
  options.retention.records = static_cast<std::uint64_t>(config.number("retention.records"));
  options.retention.records_max =
      static_cast<std::uint64_t>(config.number("retention.records_max"));
  options.retention.age = whole_seconds(config, "retention.age");
  options.event_retention.events_max = static_cast<std::uint64_t>(config.number("events.max"));
  options.event_retention.owner_share_percent =
      static_cast<std::uint32_t>(config.number("events.owner_share"));
  options.event_retention.age = whole_seconds(config, "events.age");
  options.alarms.period_min = duration(config, "alarms.period_min");
  options.alarms.object_rate = static_cast<std::uint32_t>(config.number("alarms.object_rate"));
  options.alarms.owner_rate = static_cast<std::uint32_t>(config.number("alarms.owner_rate"));
  options.quotas.objects = static_cast<std::uint64_t>(config.number("quotas.objects"));
  options.quotas.objects_of_kind["api_key"] =
      static_cast<std::uint64_t>(config.number("quotas.api_keys"));
  options.quotas.bytes = static_cast<std::uint64_t>(config.number("quotas.bytes"));
  options.quotas.idempotency_keys =
      static_cast<std::uint64_t>(config.number("quotas.idempotency_keys"));
  options.quotas.dead_letters = static_cast<std::uint64_t>(config.number("quotas.dead_letters"));
  options.purge_after = whole_seconds(config, "objects.purge_after");
  options.worker_threads = size(config, "threads.worker");
  if (config.text("threads.inline_turns") == "always")
    options.quick_turn_max = std::chrono::hours{1};
  return options;
}

bool sends_direct_answers(const Config& config) {
  const auto& wanted = config.text("threads.direct_answers");
  return wanted == "on" || (wanted == "auto" && config.number("threads.io") == 1);
}

Lends lends_of_io_threads(const Config& config) {
  if (config.text("threads.inline_turns") == "off") return Lends::for_queries;
  return config.text("threads.commit") == "io" ? Lends::for_commits : Lends::for_turns_and_queries;
}

http::ServerOptions server_options(const Config& config) {
  const auto listen = split_listen(config.text("listen"));
  http::ServerOptions options;
  options.address = without_brackets(listen.host);
  options.port = listen.port;
  options.io_threads = static_cast<unsigned>(config.number("threads.io"));
  options.tls = {.certificate_chain = config.text("tls.certificate"),
                 .private_key = config.text("tls.key")};
  options.limits.header_bytes_max = size(config, "limits.header");
  options.limits.header_fields_max = size(config, "limits.header_fields");
  options.limits.url_bytes_max = size(config, "limits.url");
  options.limits.connections_max = size(config, "limits.connections");
  options.timeouts.bytes_per_s_min = size(config, "limits.least_rate");
  options.limits.connections_per_address = size(config, "limits.connections_per_address");
  options.timeouts.header = duration(config, "timeouts.header");
  options.timeouts.body = duration(config, "timeouts.body");
  options.timeouts.idle = duration(config, "timeouts.idle");
  options.timeouts.write = duration(config, "timeouts.write");
  options.timeouts.stream_idle = duration(config, "timeouts.stream");
  options.timeouts.handler = duration(config, "timeouts.handler");
  options.websocket_echo = config.flag("enable_echo") ? http::Echo::on : http::Echo::off;
  return options;
}

MemoryBudget::Limits memory_limits(const Config& config) {
  // What is left of limits.memory when the store and the active objects have their parts.
  const auto clients = size(config, "limits.memory") / 4;
  return {.all_bytes_max = clients, .owner_bytes_max = clients / 4};
}

effects::HttpOptions http_client_options(const Config& config) {
  return {.allow_networks = config.list("http_client.allow_networks"),
          .ca_file = config.text("http_client.ca_file"),
          .resolver = config.list("http_client.resolver"),
          .concurrency = size(config, "http_client.concurrency"),
          .owner_concurrency = owner_concurrency(config),
          .host_calls_max = size(config, "http_client.host_concurrency"),
          .connect_timeout = duration(config, "http_client.connect_timeout"),
          .response_bytes_max = size(config, "http_client.response"),
          // An owner alone gets half: room for its largest body.
          .bodies_bytes_max = std::max(size(config, "http_client.memory"),
                                       2 * size(config, "http_client.response"))};
}

actors::DomainOptions domain_options(const Config& config) {
  actors::DomainOptions options;
  auto& webhooks = options.webhooks;
  webhooks.retry.attempts = static_cast<int>(config.number("webhooks.attempts"));
  webhooks.retry.backoff = duration(config, "webhooks.backoff");
  webhooks.retry.ceiling = duration(config, "webhooks.backoff_max");
  webhooks.timeout = duration(config, "webhooks.timeout");
  webhooks.disable_after = duration(config, "webhooks.disable_after");
  webhooks.per_owner_max = static_cast<std::size_t>(config.number("webhooks.per_user"));
  webhooks.waiting_max = size(config, "webhooks.waiting");
  webhooks.given_up_max = static_cast<int>(config.number("webhooks.given_up_max"));
  return options;
}

LogLevel log_level(const Config& config) {
  return log_level_from(config.text("log.level")).value_or(LogLevel::info);
}

LogFormat log_format(const Config& config, Reader reader) {
  const auto& chosen = config.text("log.format");
  if (chosen == "auto") return reader == Reader::person ? LogFormat::text : LogFormat::json;
  return chosen == "text" ? LogFormat::text : LogFormat::json;
}

std::string authority(const Config& config, std::uint16_t port) {
  std::string host{split_listen(config.text("listen")).host};
  // A zone of an IPv6 address (RFC 6874).
  if (const auto zone = host.find('%'); zone != std::string::npos) host.insert(zone + 1, "25");
  return fmt::format("{}:{}", host, port);
}

}  // namespace perdure::shell
