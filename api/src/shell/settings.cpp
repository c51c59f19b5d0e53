// SPDX-License-Identifier: Apache-2.0
#include "shell/settings.hpp"

#include <algorithm>
#include <iterator>

namespace perdure::shell {
namespace {

constexpr std::int64_t kib = 1024;
constexpr std::int64_t mib = 1024 * kib;
constexpr std::int64_t gib = 1024 * mib;
constexpr std::int64_t second = 1000;
constexpr std::int64_t hour = 3600 * second;
constexpr std::int64_t day = 24 * hour;

using enum SettingType;

constexpr Setting one_of(std::string_view name, std::string_view choices, std::string_view fallback,
                         std::string_view help) {
  Setting setting{name, choice, fallback, help};
  setting.choices = choices;
  return setting;
}

/// A size that is `limits.memory` divided by `divisor` where it is not set.
constexpr Setting part_of_memory(std::int64_t divisor, std::string_view name,
                                 std::string_view help) {
  Setting setting{name, bytes, "", help, mib, 1024 * gib};
  setting.memory_divisor = divisor;
  return setting;
}

constexpr Setting secret(std::string_view name, std::string_view help) {
  Setting setting{name, text, "", help};
  setting.secrecy = Secrecy::secret;
  return setting;
}

constexpr Setting table[] = {
    {"data_dir", path, "data", "Where all data is kept; made when it does not exist"},
    {"in_memory", flag, "false",
     "Keep all data in memory, up to storage.memory, and nothing in data_dir: it is gone when the "
     "server ends, however it ends"},
    {"listen", address, "127.0.0.1:8080",
     "Address, or name of this machine, and port to listen on; port 0 takes a free one"},
    secret(
        "admin_key",
        "The administrator's API key, of 24 to 512 characters; another one takes the place of the "
        "one before. Made and printed once when not set"),
    {"admin_key_file", path, "", "File that holds admin_key, in one line"},
    one_of("durability", "sync|buffered", "sync",
           "When a write is acknowledged: on disk (survives power loss), or in the operating "
           "system's memory (survives a crash of the server)"),
    {"accept_lost_commits", flag, "false",
     "Start although fewer commits came back than were acknowledged, or `FORMAT`, `ACKED` or "
     "`CURRENT` is lost"},

    {"tls.certificate", path, "", "PEM file with the certificate chain; HTTPS when set"},
    {"tls.key", path, "", "PEM file with the private key"},

    {"limits.memory", bytes, "2GiB",
     "Memory for the work of clients; settings that are not set are parts of it, and a quarter is "
     "for what connections make the server keep: requests and answers (503 past it; 429 for a "
     "client that has a quarter of that)",
     64 * mib, 1024 * gib},
    {"limits.body", bytes, "1MiB", "Largest request body (413 past it)", kib, gib},
    {"limits.import", bytes, "64MiB", "Largest file of an imported object", kib, 4 * gib},
    {"limits.header", bytes, "16KiB", "Largest request header (431 past it)", kib, mib},
    {"limits.header_fields", integer, "100", "Most header fields (431 past it)", 10, 10'000},
    {"limits.url", bytes, "8KiB", "Longest request target (414 past it)", 256, mib},
    {"limits.slow_requests", integer, "256",
     "Most lists that are under way or wait, and as many transfers and hashes (503 past it)", 1,
     1'000'000},
    {"limits.slow_requests_per_owner", integer, "128",
     "Those of one user, or of one address without a user (429 past it)", 1, 1'000'000},
    {"limits.connections", integer, "16384", "Most open connections (503 past it)", 1, 1'000'000},
    {"limits.connections_per_address", integer, "0",
     "Most open connections of one address, or of one /64 of IPv6 (503 past it); 0: a quarter of "
     "limits.connections, 16 at least. Behind a proxy it is the proxy's: set it higher",
     0, 1'000'000},
    {"limits.least_rate", bytes, "16KiB",
     "Bytes a second that a client sends of a body and reads of an answer, a stream or messages at "
     "least, while they wait",
     1, gib},

    {"timeouts.header", duration, "10s",
     "From the first byte of a request to the end of its header", 10, hour},
    {"timeouts.body", duration, "30s",
     "How far a body may fall behind limits.least_rate (408 past it)", 10, hour},
    {"timeouts.idle", duration, "75s", "Between two requests of a connection", 10, day},
    {"timeouts.write", duration, "30s",
     "How far a client may fall behind limits.least_rate in reading (cut off past it)", 10, hour},
    {"timeouts.stream", duration, "5m",
     "For a streamed answer that nothing is written to, heartbeats included", 10, day},
    {"timeouts.handler", duration, "60s", "For the answer to a request (503 past it)", 10, hour},
    {"timeouts.call", duration, "30s", "For a call to reach its object (503 past it)", 10, hour},
    {"timeouts.drain", duration, "30s", "For requests in flight when the server stops", 0, hour},

    {"threads.io", integer, "1", "Threads that serve connections", 1, 256},
    {"threads.worker", integer, "1", "Threads that run objects", 1, 256},
    {"threads.slow", integer, "2", "Threads that read lists, and look at objects at rest", 1, 256},
    {"threads.transfer", integer, "1", "Threads that export, import and erase, in slices", 1, 256},
    {"threads.hash", integer, "1", "Threads that hash passwords, with 64 MiB each", 1, 64},
    one_of("threads.inline_turns", "on|off|always", "on",
           "Turns of kinds that take 20 us or less on average run on the thread that got the "
           "request; off: all on workers; always: however long they take, to measure them"),
    one_of("threads.commit", "own|io", "own",
           "Who commits turns that ran on io threads: a thread of its own, or whichever io thread "
           "is free, at the end of what it had to do"),
    one_of("threads.direct_answers", "auto|on|off", "auto",
           "The thread that commits turns sends their answers itself; auto: while threads.io is 1, "
           "with more of them they have time for it"),
    one_of("threads.scheduling", "batch|other", "batch",
           "How Linux schedules threads: batch, where none pushes another aside when it wakes, so "
           "that a write costs less; or its usual way"),

    part_of_memory(8, "storage.cache", "Memory for blocks read from disk"),
    part_of_memory(8, "storage.write_buffer", "Memory for writes before they become files"),
    part_of_memory(2, "storage.memory",
                   "Memory for data with in_memory (503 past it, until something was deleted and "
                   "purged, or history went)"),
    {"storage.free_min", bytes, "64MiB", "Free disk space below which /health says degraded", 0,
     1024 * gib},
    {"storage.open_files", integer, "1024", "Most files that the store keeps open", 32, 1'000'000},

    {"objects.hibernate_after", duration, "60s", "Idle time after which an object leaves memory",
     10, 365 * day},
    part_of_memory(4, "objects.active_memory",
                   "Memory for active objects; past it the least recently used ones leave"),
    {"objects.mailbox", integer, "4096", "Most calls that wait for one object (503 past it)", 1,
     1'000'000},
    {"objects.in_flight", integer, "65536", "Most calls that wait for all objects (503 past it)", 1,
     10'000'000},
    {"objects.owner_in_flight", integer, "0",
     "Most calls of one principal that wait for all objects (503 past it); 0: an eighth of "
     "objects.in_flight",
     0, 10'000'000},
    {"objects.purge_after", duration, "30d",
     "How long what was deleted can be brought back; then it is gone for good", 0, 36'500 * day},
    {"idempotency_window", duration, "24h", "How long an Idempotency-Key is remembered", second,
     365 * day},

    {"retention.records", integer, "1000", "Newest records of an object that are always kept", 1,
     1'000'000'000},
    {"retention.records_max", integer, "10000", "Records of an object that are kept at most", 1,
     1'000'000'000},
    {"retention.age", duration, "30d", "Records younger than this are kept, up to the maximum", 0,
     36'500 * day},

    {"alarms.period_min", duration, "100ms",
     "Shortest time between two runs of an alarm that repeats (422 below it)", 1, hour},
    {"alarms.object_rate", integer, "100",
     "Alarms of one object that go off within a second at most; the rest go off later", 1, 10'000},
    {"alarms.owner_rate", integer, "1000", "The same of all objects of one owner together", 1,
     100'000},

    {"quotas.objects", integer, "1000000",
     "Objects that one owner has at most (403 past it); deleted ones count until they are purged",
     1, 1'000'000'000'000},
    {"quotas.api_keys", integer, "1000", "API keys among them", 1, 1'000'000'000},
    {"quotas.bytes", bytes, "64GiB",
     "Bytes of the states and entries that one owner's objects have (403 past it); those of "
     "deleted "
     "ones count until they are purged",
     mib, 1024 * 1024 * gib},
    {"quotas.idempotency_keys", integer, "1000000",
     "Idempotency keys of one user that are remembered (429 past it); one whose answer has more "
     "than 1 KiB counts as several",
     1, 4'000'000'000},
    {"quotas.dead_letters", integer, "10000",
     "Dead letters of one owner that are kept; the oldest go", 1, 1'000'000'000},
    {"quotas.sockets", integer, "1000",
     "Streams and WebSockets that one user has open at most (403 past it)", 1, 1'000'000},

    {"events.max", integer, "1000000", "Events that the log keeps at most", 1'000, 1'000'000'000},
    {"events.owner_share", integer, "25",
     "Percent of them beyond which an owner's oldest events go before those of others, once the "
     "log "
     "is full",
     1, 100},
    {"events.age", duration, "7d", "How long the log keeps an event, up to the maximum", hour,
     36'500 * day},

    {"jobs.concurrency", integer, "16", "Jobs of a queue that run at the same time", 1, 1'000},
    {"jobs.queues", list, "", "Queues with another limit: `mail=2,reports=1`"},
    {"jobs.types", list, "",
     "Types of jobs of which another number runs at the same time, in all queues together: "
     "`sleep=10`"},
    {"jobs.owner_share", integer, "50",
     "Percent of the places of a queue, and of a type, that one owner holds at most while others "
     "wait; at least one place",
     1, 100},
    {"jobs.reserve", integer, "12",
     "Percent of the places of a queue, and of a type, that only owners who have none get; rounded "
     "up, but never the only place; 0 reserves none",
     0, 50},
    {"jobs.owner_queued", integer, "100000",
     "Most jobs of one owner that wait in a queue (429 past it)", 1, 1'000'000'000},
    {"jobs.queued", integer, "1000000", "Most jobs that wait in a queue (503 past it)", 1,
     1'000'000'000},
    {"jobs.retention", duration, "7d", "How long a finished job is kept, with its output", 1,
     36'500 * day},
    {"jobs.output", bytes, "64MiB", "Most output of a job, such as an export", kib, gib},

    {"rate_limit.key_requests", integer, "1000000",
     "Requests of one API key in each window, where it has no limit of its own; 0 is no limit", 0,
     1'000'000'000},
    {"rate_limit.key_window", duration, "10s", "The window of rate_limit.key_requests", second,
     day},
    {"rate_limit.server_requests", integer, "0",
     "Requests of all clients together in each window; 0 is no limit", 0, 1'000'000'000},
    {"rate_limit.server_window", duration, "60s", "The window of rate_limit.server_requests",
     second, day},

    {"http_client.allow_networks", list, "",
     "Networks that outgoing calls (webhooks, effects) may reach although they are not public, "
     "such "
     "as `10.0.0.0/8`"},
    {"http_client.ca_file", path, "",
     "PEM file with certificates that outgoing calls trust beside the system's"},
    {"http_client.concurrency", integer, "1024", "Most outgoing calls at the same time", 1, 10'000},
    {"http_client.owner_concurrency", integer, "0",
     "Of them, of one owner: others wait; 0 is a quarter", 0, 10'000},
    {"http_client.host_concurrency", integer, "128",
     "Of them, to one host, of one owner: others wait; of all owners up to twice as many", 1,
     10'000},
    {"http_client.resolver", list, "",
     "Name servers that outgoing calls ask, such as `10.0.0.53:53`; none: those of the system"},
    {"http_client.connect_timeout", duration, "10s", "For an outgoing call to connect", 1, hour},
    {"http_client.response", bytes, "1MiB", "Largest response body of an outgoing call", kib,
     64 * mib},
    {"http_client.memory", bytes, "64MiB",
     "Memory for response bodies of outgoing calls; an owner takes no more of it than is left free",
     mib, 64 * gib},

    {"webhooks.per_user", integer, "1000", "Webhooks that one user has at most", 1, 10'000},
    {"webhooks.waiting", integer, "1000",
     "Deliveries of a webhook that wait at most; past it its events wait in the event log", 10,
     10'000},
    {"webhooks.attempts", integer, "8", "Attempts at a delivery before it is given up", 1, 100},
    {"webhooks.backoff", duration, "5s",
     "Wait after the first failed attempt; six times as long after each further one", 1, day},
    {"webhooks.backoff_max", duration, "24h", "Longest wait between two attempts", 1, 7 * day},
    {"webhooks.timeout", duration, "15s", "For a receiver to answer", 10, 5 * 60 * second},
    {"webhooks.disable_after", duration, "5d",
     "A webhook whose attempts have all failed for so long is disabled", second, 365 * day},
    {"webhooks.given_up_max", integer, "50",
     "A webhook is disabled after so many deliveries were given up one after another", 1, 10'000},

    {"cors.origins", list, "", "Origins whose pages may call the API; `*` is any"},
    {"cors.headers", list, "baggage, sentry-trace, tracestate",
     "Request fields that those pages may send, beside those that the API itself takes"},

    one_of("log.level", "debug|info|warning|error|critical", "info",
           "Least serious lines that are written; read again on SIGHUP"),
    one_of("log.format", "auto|text|json", "auto",
           "`auto` is text on a terminal and JSON lines elsewhere"),
    one_of("log.requests", "problems|all", "problems",
           "Requests that are logged above DEBUG: those that failed (status 500 and up) or were "
           "slow, or all"),
    {"log.slow", duration, "1s", "A request that took this long is slow", 1, hour},

    {"enable_echo", flag, "false", "Serve /ws/echo, for WebSocket conformance suites"},
};

std::string replaced(std::string_view name, char with) {
  std::string text{name};
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '.' || c == '_'; }, with);
  return text;
}

}  // namespace

std::span<const Setting> settings() noexcept { return table; }

const Setting* find_setting(std::string_view name) noexcept {
  const auto* found = std::ranges::find(table, name, &Setting::name);
  return found == std::end(table) ? nullptr : found;
}

std::string default_text(const Setting& setting) {
  if (setting.memory_divisor == 0) return std::string{setting.fallback};
  return "limits.memory / " + std::to_string(setting.memory_divisor);
}

std::string environment_name(const Setting& setting) {
  std::string text = "PERDURE_" + replaced(setting.name, '_');
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return text;
}

std::string flag_name(const Setting& setting) { return "--" + replaced(setting.name, '-'); }

std::string value_name(const Setting& setting) {
  switch (setting.type) {
    case text: return "TEXT";
    case path: return "PATH";
    case address: return "HOST:PORT";
    case integer: return "NUMBER";
    case bytes: return "SIZE";
    case duration: return "TIME";
    case choice: return std::string{setting.choices};
    case list: return "A,B";
    case flag: return "true|false";
  }
  return {};
}

}  // namespace perdure::shell
