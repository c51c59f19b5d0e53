// SPDX-License-Identifier: Apache-2.0
#include "targets.hpp"

#include <algorithm>
#include <array>

#include "host.hpp"
#include "target.hpp"

namespace perdure::fuzz {

namespace {

constexpr std::array all{
    Target{"address_policy", run_address_policy},
    Target{"alarm_row", run_alarm_row},
    Target{"application", run_application},
    Target{"chat_frame", run_chat_frame},
    Target{"codecs", run_codecs},
    Target{"config", run_config},
    Target{"cron", run_cron},
    Target{"header_fields", run_header_fields},
    Target{"http_call", run_http_call},
    Target{"http_connection", run_http_connection},
    Target{"http_request", run_http_request},
    Target{"import", run_import},
    Target{"index_order", run_index_order},
    Target{"json", run_json},
    Target{"outbox_row", run_outbox_row},
    Target{"planted_fault", run_planted_fault},
    Target{"record", run_record},
    Target{"routes", run_routes},
    Target{"rows", run_rows},
    Target{"schedule", run_schedule},
    Target{"schema", run_schema},
    Target{"settings", run_settings},
    Target{"storage_keys", run_storage_keys},
    Target{"time", run_time},
    Target{"topics", run_topics},
    Target{"url", run_url},
    Target{"webhook_secret", run_webhook_secret},
    Target{"websocket", run_websocket},
};

}  // namespace

std::span<const Target> targets() { return all; }

void end_targets() { Host::end(); }

const Target* find_target(std::string_view name) {
  const auto* found = std::ranges::find(all, name, &Target::name);
  return found == all.end() ? nullptr : found;
}

/// Not a parser: proves that a broken property ends a replay, and that the fuzzer finds one.
void run_planted_fault(std::string_view input) {
  PERDURE_CHECK(!input.starts_with("pf!"), "the planted fault");
}

}  // namespace perdure::fuzz
