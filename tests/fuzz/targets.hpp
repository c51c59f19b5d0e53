// SPDX-License-Identifier: Apache-2.0
// One function for each target; parser_list.cpp and application_list.cpp list them. Where an input
// has several parts, they are lines.
#pragma once

#include <string_view>

namespace perdure::fuzz {

void run_address_policy(std::string_view input);
void run_alarm_row(std::string_view input);
void run_application(std::string_view input);
void run_chat_frame(std::string_view input);
void run_codecs(std::string_view input);
void run_config(std::string_view input);
void run_cron(std::string_view input);
void run_time_zone(std::string_view input);
void run_event_row(std::string_view input);
void run_header_fields(std::string_view input);
void run_http_answer(std::string_view input);
void run_http_call(std::string_view input);
void run_http_connection(std::string_view input);
void run_http_request(std::string_view input);
void run_import(std::string_view input);
void run_index_order(std::string_view input);
void run_json(std::string_view input);
void run_json_text(std::string_view input);
void run_outbox_row(std::string_view input);
void run_planted_fault(std::string_view input);
void run_record(std::string_view input);
void run_routes(std::string_view input);
void run_rows(std::string_view input);
void run_schedule(std::string_view input);
void run_schema(std::string_view input);
void run_settings(std::string_view input);
void run_snapshot_row(std::string_view input);
void run_storage_keys(std::string_view input);
void run_stored_reply(std::string_view input);
void run_time(std::string_view input);
void run_topics(std::string_view input);
void run_url(std::string_view input);
void run_webhook_secret(std::string_view input);
void run_websocket(std::string_view input);

}  // namespace perdure::fuzz
