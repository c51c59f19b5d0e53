// SPDX-License-Identifier: Apache-2.0
// Over real sockets: the server of this house answers, and raw ones do what it would not.
#include "perdure/api/effects/http_performer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <mutex>
#include <thread>

#include "asked.hpp"
#include "name_server.hpp"
#include "perdure/api/http/server.hpp"
#include "perdure/base/random.hpp"

namespace perdure::effects {
namespace {

using namespace std::chrono_literals;
using boost::asio::ip::tcp;

/// Says back what it was asked, or what the path wants.
class Receiver final : public http::WholeRequestHandler {
 public:
  Receiver() : WholeRequestHandler(1u << 20) {}

 protected:
  void handle_whole(http::Request&& request, http::Responder responder) override {
    http::Response response;
    response.headers.add("Content-Type", "text/plain");
    const auto path = request.path();
    if (path.starts_with("/status/")) {
      response.status = std::stoi(std::string{path.substr(8)});
      response.headers.add("Retry-After", "7");
    } else if (path == "/loop") {
      response.status = 302;
      response.headers.add("Location", "/loop");
    } else if (path == "/redirect") {
      response.status = 303;
      response.headers.add("Location", "/echo?from=redirect");
    } else if (path == "/inside") {
      response.status = 307;
      response.headers.add("Location", "http://10.0.0.1/secret");
    } else if (path == "/big") {
      response.body = std::string(10'000, 'x');
    } else if (path == "/bytes") {
      response.body = std::string{"\xff\x00\x01", 3};
    } else if (path == "/never") {
      const std::scoped_lock lock{mutex_};
      held_.push_back(std::move(responder));
      return;
    } else {
      response.body = std::string{to_string(request.method)} + " " + request.target + " " +
                      std::string{request.headers.find("X-Note").value_or("-")} + " " +
                      std::string{request.headers.find("Host").value_or("-")} + " " + request.body;
    }
    responder.send(std::move(response));
  }

 private:
  std::mutex mutex_;
  std::vector<http::Responder> held_;
};

class HttpPerformerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    http::Services services{
        .clock = clock_, .random = random_, .render_problem = [](const http::Problem& problem) {
          return http::Response{.status = problem.status};
        }};
    server_ = http::Server::start({}, std::move(services), receiver_).value();
    start({"127.0.0.0/8"});
  }

  void start(std::vector<std::string> networks) {
    performer_ = HttpPerformer::start({.allow_networks = std::move(networks),
                                       .host_calls_max = 110,
                                       .connect_timeout = 500ms,
                                       .response_bytes_max = 5'000},
                                      clock_)
                     .value();
  }

  [[nodiscard]] std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(server_->port()) + path;
  }

  Result<Json> call(Json payload) {
    const auto asked = std::make_shared<Asked>(std::move(payload));
    performer_->performer()(asked);
    return asked->wait();
  }

  static std::string code(const Result<Json>& result) {
    return result ? "result " + result->dump() : std::string{describe(result.error().code).name};
  }

  SystemClock clock_;
  SecureRandom random_;
  Receiver receiver_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<HttpPerformer> performer_;
};

TEST_F(HttpPerformerTest, sends_what_was_asked_and_gives_what_was_answered) {
  const auto result = call({{"method", "POST"},
                            {"url", url("/echo?a=b")},
                            {"headers", {{"X-Note", "hello"}}},
                            {"body", "text"}});
  ASSERT_TRUE(result) << to_string(result.error());
  EXPECT_EQ(result->at("status"), 200);
  EXPECT_EQ(result->at("body"),
            "POST /echo?a=b hello 127.0.0.1:" + std::to_string(server_->port()) + " text");
  EXPECT_EQ(result->at("headers").at("content-type"), "text/plain");
  EXPECT_EQ(result->at("url"), url("/echo?a=b"));
}

TEST_F(HttpPerformerTest, gives_bytes_that_are_no_text_as_base64) {
  const auto result = call({{"url", url("/bytes")}});
  ASSERT_TRUE(result) << to_string(result.error());
  EXPECT_EQ(result->at("body_base64"), "/wAB");
  EXPECT_FALSE(result->contains("body"));
}

TEST_F(HttpPerformerTest, takes_a_refusal_for_a_result_and_a_failure_for_something_to_try_again) {
  EXPECT_EQ(call({{"url", url("/status/404")}})->at("status"), 404);
  for (const auto* path : {"/status/429", "/status/503", "/status/500"}) {
    const auto result = call({{"url", url(path)}});
    ASSERT_EQ(code(result), "unavailable") << path;
    EXPECT_EQ(result.error().retry_after, 7s);
    const auto any = call({{"url", url(path)}, {"any_status", true}});
    EXPECT_EQ(any->at("headers").at("retry-after"), "7");
  }
}

TEST_F(HttpPerformerTest, bounds_the_response) {
  EXPECT_EQ(code(call({{"url", url("/big")}})), "too_large");
  const auto cut = call({{"url", url("/big")}, {"response_bytes_max", 10}, {"truncate", true}});
  ASSERT_TRUE(cut) << to_string(cut.error());
  EXPECT_EQ(cut->at("body"), std::string(10, 'x'));
  EXPECT_EQ(cut->at("truncated"), true);
  EXPECT_EQ(call({{"url", url("/big")}, {"method", "HEAD"}})->at("body"), "");
}

TEST_F(HttpPerformerTest, follows_only_when_asked_and_never_for_ever) {
  EXPECT_EQ(call({{"url", url("/redirect")}})->at("status"), 303);
  const auto followed =
      call({{"method", "POST"}, {"url", url("/redirect")}, {"body", "x"}, {"follow", true}});
  ASSERT_TRUE(followed) << to_string(followed.error());
  EXPECT_EQ(followed->at("url"), url("/echo?from=redirect"));
  EXPECT_TRUE(followed->at("body").get<std::string>().starts_with("GET /echo"));
  EXPECT_EQ(code(call({{"url", url("/loop")}, {"follow", true}})), "conflict");
}

TEST_F(HttpPerformerTest, refuses_addresses_that_are_not_public_even_behind_a_redirect) {
  EXPECT_EQ(code(call({{"url", url("/inside")}, {"follow", true}})), "forbidden");
  start({});
  const auto port = std::to_string(server_->port());
  for (const auto* host :
       {"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433", "0"}) {
    const auto address = std::string{"http://"} + host + ":" + port + "/";
    EXPECT_EQ(code(call({{"url", address}})), "forbidden") << host;
  }
}

TEST_F(HttpPerformerTest, tells_of_an_address_without_asking_a_name_server) {
  start({"10.0.0.0/8"});
  EXPECT_TRUE(performer_->check_url("https://example.org/hook"));
  EXPECT_TRUE(performer_->check_url("http://10.1.2.3/"));
  for (const auto* bad : {"http://127.0.0.1/", "http://2130706433/", "http://[::1]/",
                          "http://169.254.169.254/latest", "gopher://example.org/"}) {
    const auto checked = performer_->check_url(bad);
    ASSERT_FALSE(checked) << bad;
    EXPECT_EQ(checked.error().fields.at(0).pointer, "/url") << bad;
  }
}

TEST_F(HttpPerformerTest, gives_up_in_time) {
  const auto before = std::chrono::steady_clock::now();
  const auto result = call({{"url", url("/never")}, {"timeout_ms", 200}});
  EXPECT_EQ(code(result), "unavailable");
  EXPECT_LT(std::chrono::steady_clock::now() - before, 10s);
}

TEST_F(HttpPerformerTest, can_be_cancelled) {
  const auto asked = std::make_shared<Asked>(Json{{"url", url("/never")}});
  performer_->performer()(asked);
  while (!asked->cancel()) std::this_thread::yield();
  EXPECT_EQ(code(asked->wait()), "conflict");
}

TEST_F(HttpPerformerTest, ends_what_is_under_way_when_it_stops) {
  const auto asked = std::make_shared<Asked>(Json{{"url", url("/never")}});
  performer_->performer()(asked);
  performer_->stop();
  EXPECT_EQ(code(asked->wait()), "unavailable");
  EXPECT_EQ(code(call({{"url", url("/echo")}})), "unavailable");
}

TEST_F(HttpPerformerTest, does_not_begin_after_its_time) {
  EXPECT_EQ(code(call({{"url", url("/echo")}, {"not_after", "2020-01-01T00:00:00Z"}})),
            "deadline_exceeded");
  EXPECT_TRUE(call({{"url", url("/echo")}, {"not_after", "2999-01-01T00:00:00Z"}}));
}

/// Answers each connection with the next of these texts, and closes it.
class RawServer {
 public:
  explicit RawServer(std::vector<std::string> texts)
      : thread_([this, texts = std::move(texts)] {
          for (const auto& text : texts) {
            auto socket = acceptor_.accept();
            std::array<char, 4'096> asked{};
            socket.read_some(boost::asio::buffer(asked));
            boost::asio::write(socket, boost::asio::buffer(text));
          }
          acceptor_.close();
        }) {}
  ~RawServer() { thread_.join(); }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  boost::asio::io_context io_;
  tcp::acceptor acceptor_{io_, {boost::asio::ip::make_address("127.0.0.1"), 0}};
  const std::uint16_t port_ = acceptor_.local_endpoint().port();
  std::thread thread_;
};

TEST_F(HttpPerformerTest, believes_nothing_that_a_hostile_server_announces) {
  const std::string huge = "HTTP/1.1 200 OK\r\nContent-Length: 9000000000000000000\r\n\r\nabc";
  const RawServer server{{"SSH-2.0-nonsense\r\n\r\n", "", huge, huge,
                          "HTTP/1.1 200 OK\r\n\r\nto the end",
                          "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
                          "HTTP/1.1 200 OK\r\nX: " + std::string(40'000, 'x') + "\r\n\r\n",
                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}};
  const Json ask{{"url", server.url()}};
  auto some = ask;
  some.update({{"response_bytes_max", 2}, {"truncate", true}});
  EXPECT_EQ(code(call(ask)), "unavailable");  // nonsense
  EXPECT_EQ(code(call(ask)), "unavailable");  // nothing
  EXPECT_EQ(code(call(ask)), "unavailable");  // less than announced
  EXPECT_EQ(call(some)->at("body"), "ab");
  EXPECT_EQ(call(ask)->at("body"), "to the end");
  EXPECT_EQ(call(ask)->at("status"), 204);
  EXPECT_EQ(code(call(ask)), "unavailable");  // a header without end
  EXPECT_EQ(code(call(ask)), "unavailable");  // no chunk
}

TEST_F(HttpPerformerTest, cuts_what_is_longer_and_nothing_that_just_fits) {
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const RawServer server{{"HTTP/1.1 200 OK\r\n\r\nab", chunked + "2\r\nab\r\n0\r\n\r\n",
                          "HTTP/1.1 200 OK\r\n\r\nabc", chunked + "3\r\nabc\r\nno chunk\r\n"}};
  const Json ask{{"url", server.url()}, {"response_bytes_max", 2}, {"truncate", true}};
  for (const bool is_longer : {false, false, true, true}) {
    const auto result = call(ask);
    ASSERT_TRUE(result) << to_string(result.error());
    EXPECT_EQ(result->at("body"), "ab");
    EXPECT_EQ(result->contains("truncated"), is_longer);
  }
}

TEST_F(HttpPerformerTest, tells_of_nobody_listening_and_of_nonsense) {
  const auto port = server_->port();
  server_.reset();
  EXPECT_EQ(code(call({{"url", "http://127.0.0.1:" + std::to_string(port)}})), "unavailable");
  EXPECT_EQ(code(call({{"url", "http://no-such-name.invalid/"}})), "unavailable");
  EXPECT_EQ(code(call({{"url", "nonsense"}})), "validation_failed");
}

TEST_F(HttpPerformerTest, takes_many_calls_at_once_and_a_hanging_one_stalls_nobody) {
  const auto hanging = std::make_shared<Asked>(Json{{"url", url("/never")}});
  performer_->performer()(hanging);
  std::vector<std::shared_ptr<Asked>> many;
  for (int i = 0; i < 100; ++i) {
    many.push_back(std::make_shared<Asked>(Json{{"url", url("/echo")}}));
    performer_->performer()(many.back());
  }
  for (const auto& asked : many) EXPECT_EQ(asked->wait()->at("status"), 200);
}

TEST_F(HttpPerformerTest, a_host_that_hangs_leaves_room_for_others) {
  std::vector<std::shared_ptr<Asked>> hanging;
  for (int i = 0; i < 110; ++i) {
    hanging.push_back(std::make_shared<Asked>(Json{{"url", url("/never")}}));
    performer_->performer()(hanging.back());
  }
  const auto refused = call({{"url", url("/echo")}});
  ASSERT_EQ(code(refused), "overloaded");
  EXPECT_TRUE(refused.error().retry_after);
  auto other = url("/echo");
  other.replace(other.find("127.0.0.1"), 9, "127.0.0.2");  // the same server by another name
  EXPECT_NE(code(call({{"url", other}})), "overloaded");
  ASSERT_TRUE(hanging.front()->cancel());
  // Its place is free once its connection is closed.
  Result<Json> again = fail(ErrorCode::internal, "");
  for (int i = 0; i < 1'000 && !again; ++i) again = call({{"url", url("/echo")}});
  EXPECT_TRUE(again);
}

TEST_F(HttpPerformerTest, judges_every_address_that_a_name_has) {
  const NameServer names;
  const auto ask = [&](std::vector<std::string> networks) {
    performer_ = HttpPerformer::start({.allow_networks = std::move(networks),
                                       .resolver = {names.address()},
                                       .response_bytes_max = 5'000},
                                      clock_)
                     .value();
    return code(call({{"url", "http://inside.test:" + std::to_string(server_->port()) + "/x"}}));
  };
  EXPECT_EQ(ask({}), "forbidden");
  EXPECT_EQ(ask({"127.0.0.0/8"}).substr(0, 6), "result");
  EXPECT_EQ(names.asked("inside.test"), 2);
}

TEST_F(HttpPerformerTest, names_that_nobody_answers_for_hold_up_no_address_and_no_other_name) {
  const NameServer names;
  performer_ = HttpPerformer::start({.allow_networks = {"127.0.0.0/8"},
                                     .resolver = {names.address()},
                                     .response_bytes_max = 5'000},
                                    clock_)
                   .value();
  std::vector<std::shared_ptr<Asked>> slow;
  for (int i = 0; i < 100; ++i) {
    slow.push_back(std::make_shared<Asked>(
        Json{{"url", "http://never-" + std::to_string(i) + ".test/"}}, "ann"));
    performer_->performer()(slow.back());
  }
  EXPECT_EQ(call({{"url", url("/echo")}})->at("status"), 200);
  const auto quick = "http://quick.test:" + std::to_string(server_->port()) + "/echo";
  EXPECT_EQ(call({{"url", quick}})->at("status"), 200);
  // Who is cancelled does not wait for the name either.
  ASSERT_TRUE(slow.front()->cancel());
  EXPECT_EQ(code(slow.front()->wait()), "conflict");
}

TEST_F(HttpPerformerTest, an_owner_that_fills_a_host_leaves_room_for_the_next_one) {
  std::vector<std::shared_ptr<Asked>> hanging;
  for (int i = 0; i < 110; ++i) {
    hanging.push_back(std::make_shared<Asked>(Json{{"url", url("/never")}}, "ann"));
    performer_->performer()(hanging.back());
  }
  const auto ask = [&](const std::string& owner) {
    const auto asked = std::make_shared<Asked>(Json{{"url", url("/echo")}}, owner);
    performer_->performer()(asked);
    return asked->wait();
  };
  EXPECT_EQ(code(ask("ann")), "overloaded");
  EXPECT_EQ(code(ask("bob")).substr(0, 6), "result");
}

TEST_F(HttpPerformerTest, bounds_what_all_responses_take) {
  const auto ask = [&](std::size_t bodies_bytes_max) {
    performer_ = HttpPerformer::start({.allow_networks = {"127.0.0.0/8"},
                                       .response_bytes_max = 20'000,
                                       .bodies_bytes_max = bodies_bytes_max},
                                      clock_)
                     .value();
    return code(call({{"url", url("/big")}}));
  };
  EXPECT_EQ(ask(19'000), "unavailable");  // half of it is one owner's
  EXPECT_EQ(ask(21'000).substr(0, 6), "result");
}

}  // namespace
}  // namespace perdure::effects
