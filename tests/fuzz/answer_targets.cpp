// SPDX-License-Identifier: Apache-2.0
// What a foreign server answers to a call of ours.
#include "connection.hpp"
#include "perdure/api/effects/http_performer.hpp"
#include "perdure/base/crypto.hpp"
#include "perdure/base/time.hpp"
#include "perdure/base/utf8.hpp"
#include "target.hpp"
#include "targets.hpp"
#include "unit/api/effects/asked.hpp"

namespace perdure::fuzz {

namespace {

constexpr std::size_t body_bytes_max = 64;
/// Far beyond what any answer takes: one that does not end is a finding.
constexpr std::chrono::seconds patience{100};

/// A foreign server and a performer that calls it.
class Abroad {
 public:
  Abroad()
      : performer_(
            effects::HttpPerformer::start({.allow_networks = {"127.0.0.0/8"}}, clock_).value()) {}

  /// What comes of a call whose answer is `bytes`, which arrive `step` at a time.
  Result<Json> call(Json payload, std::string_view bytes, std::size_t step) {
    payload["url"] = "http://127.0.0.1:" + std::to_string(listener_.port()) + "/";
    const auto asked = std::make_shared<effects::Asked>(std::move(payload));
    performer_->performer()(asked);
    auto peer = listener_.accept();
    std::string request;
    while (request.find("\r\n\r\n") == std::string::npos && peer.receive(request)) {
    }
    bool open = true;
    while (open && !bytes.empty()) {
      const auto part = bytes.substr(0, step);
      open = peer.send(part, request);
      bytes.remove_prefix(part.size());
    }
    if (open) peer.end();
    return asked->wait(patience);
  }

 private:
  SystemClock clock_;
  const Listener listener_;
  const std::unique_ptr<effects::HttpPerformer> performer_;
};

void check_result(const Json& result) {
  const int status = result.at("status");
  PERDURE_CHECK(status >= 200 && status <= 999, "a final status");
  const bool is_text = result.contains("body");
  PERDURE_CHECK(is_text != result.contains("body_base64"), "one body");
  const auto body = is_text ? result.at("body").get<std::string>()
                            : from_base64(result.at("body_base64").get<std::string>()).value();
  PERDURE_CHECK(is_valid_utf8(body) == is_text, "a body of text is text");
  PERDURE_CHECK(body.size() <= body_bytes_max, "a body is bounded");
  PERDURE_CHECK(!result.value("truncated", false) || body.size() == body_bytes_max,
                "a body that is cut has all that fits");
  for (const auto& [name, value] : result.at("headers").items()) {
    PERDURE_CHECK(!name.empty() && fold_ascii_case(name) == name, "a field's name");
    PERDURE_CHECK(value.get_ref<const std::string&>().find_first_of("\r\n") == std::string::npos,
                  "a field's value is one line");
  }
  const auto text = dump_json(result);
  const auto again = parse_json(text);
  PERDURE_CHECK(again && *again == result, "a result is JSON");
}

}  // namespace

/// The first line says how is asked (`h`: HEAD, `t`: truncate, `f`: failures are errors), the rest
/// is the answer. It means the same however its bytes arrive.
void run_http_answer(std::string_view input) {
  static Abroad abroad;
  const auto how = take_part(input, '\n');
  const auto asks_for = [how](char what) { return how.find(what) != std::string_view::npos; };
  const Json payload{{"method", asks_for('h') ? "HEAD" : "GET"},
                     {"truncate", asks_for('t')},
                     {"any_status", !asks_for('f')},
                     {"response_bytes_max", body_bytes_max}};
  const auto whole = abroad.call(payload, input, input.size());
  const auto trickled = abroad.call(payload, input, 1 + input.size() / 3);
  PERDURE_CHECK(whole.has_value() == trickled.has_value(), "one is an answer, the other is not");
  if (whole) {
    PERDURE_CHECK(*whole == *trickled, "the answers differ");
    return check_result(*whole);
  }
  const auto code = whole.error().code;
  PERDURE_CHECK(code == trickled.error().code, "the errors differ");
  PERDURE_CHECK(code == ErrorCode::unavailable || code == ErrorCode::too_large,
                to_string(whole.error()));
}

}  // namespace perdure::fuzz
