// SPDX-License-Identifier: Apache-2.0
// Requests to the whole application: keys, tickets, cursors, bodies, every route; and objects from
// files.
#include <fmt/format.h>

#include <future>
#include <vector>

#include "host.hpp"
#include "perdure/base/crypto.hpp"
#include "request_reader.hpp"
#include "target.hpp"
#include "targets.hpp"

namespace perdure::fuzz {

namespace {

void check_answer(const api::Answer& answer) {
  if (answer.status == 101) return;
  PERDURE_CHECK(answer.status >= 200 && answer.status < 600, "a status");
  PERDURE_CHECK(answer.status != 500, answer.text);
  const auto type = answer.field("Content-Type");
  if (answer.status >= 400 && type != "application/json") {
    PERDURE_CHECK(type == "application/problem+json", "a failure is a problem");
    PERDURE_CHECK(answer.json().contains("code"), "a problem has a code");
  }
  if (type.starts_with("application/json")) {
    PERDURE_CHECK(parse_json(answer.text).has_value(), "JSON is JSON");
  }
  if (answer.status == 204 || answer.status == 304) {
    PERDURE_CHECK(answer.text.empty(), "an answer without a body");
  }
}

/// The lines of an export, each with its end.
std::vector<std::string> export_lines(Runtime& runtime, const ObjectId& object) {
  std::string text;
  const auto done =
      runtime.export_object(object, {}, [&](std::string_view lines) { text += lines; });
  PERDURE_CHECK(done.has_value(), "what was imported can be exported");
  std::vector<std::string> all;
  for (std::size_t at = 0; at < text.size(); at += all.back().size()) {
    all.push_back(text.substr(at, text.find('\n', at) + 1 - at));
  }
  return all;
}

/// Lines of an export, without those that name the object and its times.
std::string contents(Runtime& runtime, const ObjectId& object) {
  std::string text;
  for (const auto& line : export_lines(runtime, object)) {
    const auto json = parse_json(line.substr(0, line.size() - 1)).value();
    if (json.contains("format")) {
      text += dump_json(json.at("state"));
    } else if (!json.contains("sha256")) {
      text += line;
    }
  }
  return text;
}

Result<Reply> import_object(Runtime& runtime, const ObjectId& object, std::string lines) {
  lines += fmt::format("{{\"sha256\":\"{}\"}}\n", to_hex(bytes_of(sha256(lines))));
  std::promise<Result<Reply>> promise;
  auto future = promise.get_future();
  runtime.import_object({.target = object}, lines,
                        [&](Result<Reply> reply) { promise.set_value(std::move(reply)); });
  return future.get();
}

}  // namespace

/// A request as it stands on a connection; without a key it gets the administrator's.
void run_application(std::string_view input) {
  auto read = read_request(input, input.size());
  if (read.state != ReadRequest::State::complete) return;
  auto& host = Host::instance();
  auto& request = read.request;
  request.request_id = "fuzz";
  const bool is_admin = !request.headers.find("Authorization") &&
                        !request.headers.find("X-API-Key") &&
                        request.query().find("ticket=") == std::string_view::npos;
  if (is_admin) request.headers.add("Authorization", std::string{"Bearer "} + Host::admin_key);
  const auto answer = host.ask(std::move(request));
  check_answer(answer);
  // The administrator has lost the key, or is gone.
  if (is_admin && (answer.status == 401 || answer.status == 403)) host.restart();
}

/// An object's export without its last line, the digest.
void run_import(std::string_view input) {
  static std::uint64_t number = 0;
  if (input.empty()) return;
  std::string lines{input};
  if (!lines.ends_with('\n')) lines += '\n';
  auto& runtime = Host::instance().runtime();
  const ObjectId first{"document", fmt::format("import-{}", ++number)};
  if (const auto done = import_object(runtime, first, lines); !done) {
    PERDURE_CHECK(done.error().code != ErrorCode::internal, to_string(done.error()));
    return;
  }
  const auto before = contents(runtime, first);
  std::string exported;
  for (const auto& line : export_lines(runtime, first)) {
    if (!line.starts_with(R"({"entries":)")) exported += line;
  }
  const ObjectId second{"document", first.id + "-again"};
  PERDURE_CHECK(import_object(runtime, second, exported).has_value(), "an export can be imported");
  PERDURE_CHECK(contents(runtime, second) == before, "what was exported is imported");
}

}  // namespace perdure::fuzz
