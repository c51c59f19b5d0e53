// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "target.hpp"
#include "targets.hpp"

namespace perdure::fuzz {

std::span<const Target> parser_targets() {
  static constexpr std::array all{
      Target{"address_policy", run_address_policy},
      Target{"alarm_row", run_alarm_row},
      Target{"codecs", run_codecs},
      Target{"cron", run_cron},
      Target{"event_row", run_event_row},
      Target{"http_answer", run_http_answer},
      Target{"http_call", run_http_call},
      Target{"http_connection", run_http_connection},
      Target{"http_request", run_http_request},
      Target{"json", run_json},
      Target{"outbox_row", run_outbox_row},
      Target{"planted_fault", run_planted_fault},
      Target{"record", run_record},
      Target{"rows", run_rows},
      Target{"schedule", run_schedule},
      Target{"schema", run_schema},
      Target{"snapshot_row", run_snapshot_row},
      Target{"storage_keys", run_storage_keys},
      Target{"stored_reply", run_stored_reply},
      Target{"time", run_time},
      Target{"time_zone", run_time_zone},
      Target{"topics", run_topics},
      Target{"url", run_url},
      Target{"websocket", run_websocket},
  };
  return all;
}

/// Not a parser: proves that a broken property ends a replay, and that the fuzzer finds one.
void run_planted_fault(std::string_view input) {
  PERDURE_CHECK(!input.starts_with("pf!"), "the planted fault");
}

}  // namespace perdure::fuzz
