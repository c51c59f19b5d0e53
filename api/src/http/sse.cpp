// SPDX-License-Identifier: Apache-2.0
#include "perdure/api/http/sse.hpp"

namespace perdure::http {

namespace {

Error refuse(std::string_view field, std::string_view rule) {
  Error error{.code = ErrorCode::invalid,
              .detail = "the event's " + std::string{field} + ' ' + std::string{rule}};
  error.fields.push_back({std::string{field}, "format", std::string{rule}});
  return error;
}

bool has_any(std::string_view text, std::string_view of) {
  return text.find_first_of(of) != std::string_view::npos;
}

void append_data(std::string& out, std::string_view data) {
  for (;;) {
    const auto end = data.find_first_of("\r\n");
    out.append("data: ").append(data.substr(0, end)).append("\n");
    if (end == std::string_view::npos) return;
    const bool is_pair = data.substr(end).starts_with("\r\n");
    data.remove_prefix(end + (is_pair ? 2 : 1));
  }
}

}  // namespace

Result<std::shared_ptr<const std::string>> encode(const ServerEvent& event) {
  using namespace std::string_view_literals;
  if (event.id && has_any(*event.id, "\r\n\0"sv)) {
    return fail(refuse("id", "must not hold line ends or NUL"));
  }
  if (has_any(event.event, "\r\n"sv)) return fail(refuse("event", "must not hold line ends"));
  if (event.retry && event.retry->count() < 0) {
    return fail(refuse("retry", "must not be negative"));
  }
  std::string out;
  constexpr std::size_t field_names_bytes = 48;
  out.reserve(field_names_bytes + event.id.value_or("").size() + event.event.size() +
              event.data.value_or("").size());
  if (event.id) out.append("id: ").append(*event.id).append("\n");
  if (!event.event.empty()) out.append("event: ").append(event.event).append("\n");
  if (event.retry) out.append("retry: ").append(std::to_string(event.retry->count())).append("\n");
  if (event.data) append_data(out, *event.data);
  out.append("\n");
  return std::make_shared<const std::string>(std::move(out));
}

Response event_stream_head() {
  Response head;
  head.headers.add("Content-Type", "text/event-stream");
  head.headers.add("Cache-Control", "no-store");
  head.headers.add("X-Accel-Buffering", "no");
  return head;
}

StreamOptions event_stream_options() {
  return {.heartbeat = {.period = heartbeat_period, .text = ":\n\n"}};
}

}  // namespace perdure::http
