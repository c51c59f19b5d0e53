// SPDX-License-Identifier: Apache-2.0
#include "websocket_model.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "perdure/base/codec.hpp"
#include "perdure/base/utf8.hpp"
#include "target.hpp"

namespace perdure::fuzz {

namespace {

constexpr std::uint64_t message_bytes_max = std::uint64_t{16} << 20;
constexpr int continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10;

struct Frame {
  bool final = false;
  int reserved = 0;
  int opcode = 0;
  bool masked = false;
  std::uint64_t size = 0;
  std::string payload = {};  ///< unmasked; shorter than `size` where the bytes end
  bool minimal = true;       ///< the size has its shortest form

  [[nodiscard]] bool whole() const { return payload.size() == size; }
};

/// The next frame; none when not even its head is there.
std::optional<Frame> take_frame(std::string_view& rest) {
  Reader in{rest};
  const auto head = in.raw(2);
  if (in.failed()) return {};
  const auto first = static_cast<unsigned char>(head[0]);
  const auto second = static_cast<unsigned char>(head[1]);
  Frame frame{.final = (first & 0x80) != 0,
              .reserved = first & 0x70,
              .opcode = first & 0x0F,
              .masked = (second & 0x80) != 0,
              .size = second & 0x7FU};
  const auto bytes = frame.size == 126 ? 2U : frame.size == 127 ? 8U : 0U;
  if (bytes > 0) {
    frame.size = 0;
    for (const char c : in.raw(bytes)) frame.size = frame.size << 8 | static_cast<std::uint8_t>(c);
    frame.minimal = bytes == 2 ? frame.size > 125 : frame.size > 0xFFFF;
  }
  const auto mask = frame.masked ? in.raw(4) : std::string_view{};
  if (in.failed()) return {};
  frame.payload = in.rest().substr(0, std::min<std::uint64_t>(frame.size, in.rest().size()));
  rest = in.rest().substr(frame.payload.size());
  for (std::size_t i = 0; frame.masked && i < frame.payload.size(); ++i) {
    frame.payload[i] = static_cast<char>(frame.payload[i] ^ mask[i % 4]);
  }
  return frame;
}

/// Past 4999 no standard gives a code a meaning: both answers are right.
constexpr unsigned first_undefined = 5000;

bool may_be_sent(unsigned code) {
  return code >= 3000 || (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1013);
}

/// Valid but for a character that is not finished yet.
bool begins_utf8(std::string_view bytes) {
  for (std::size_t cut = 0; cut <= 3 && cut <= bytes.size(); ++cut) {
    if (!is_valid_utf8(bytes.substr(0, bytes.size() - cut))) continue;
    const auto tail = bytes.substr(bytes.size() - cut);
    if (cut == 0) return true;
    // What is there so far must be the beginning of some character.
    for (const auto* rest : {"\x80", "\xBF", "\x80\x80", "\xBF\xBF", "\x80\x80\x80", "\xBF\x80\x80",
                             "\x90\x80\x80", "\x8F\xBF\xBF", "\xA0\x80", "\x9F\xBF"}) {
      if (is_valid_utf8(std::string{tail} + rest)) return true;
    }
    return false;
  }
  return false;
}

/// What is expected: messages and pongs in order, and how it ends.
struct Expected {
  std::vector<Frame> frames = {};
  /// The code that the server closes with; 0: the bytes end first, and it closes as it likes.
  unsigned close_code = 0;
};

class Model {
 public:
  Expected work_out(std::string_view sent) {
    while (expected_.close_code == 0) {
      const auto frame = take_frame(sent);
      if (!frame) break;
      take(*frame);
      if (!frame->whole()) break;
    }
    return std::move(expected_);
  }

 private:
  void fail(unsigned code) {
    if (expected_.close_code == 0) expected_.close_code = code;
  }

  void take(const Frame& frame) {
    if (frame.reserved != 0 || !frame.masked) return fail(1002);
    if (frame.opcode >= close) return take_control(frame);
    if (frame.opcode > binary) return fail(1002);
    if (frame.opcode == continuation ? !in_message_ : in_message_) return fail(1002);
    if (!frame.minimal) return fail(1002);
    if (frame.opcode != continuation) message_ = {.final = true, .opcode = frame.opcode};
    in_message_ = !frame.final;
    if (frame.size > message_bytes_max - message_.payload.size()) return fail(1009);
    message_.payload += frame.payload;
    if (message_.opcode == text && !begins_utf8(message_.payload)) return fail(1007);
    if (!frame.final || !frame.whole()) return;
    if (message_.opcode == text && !is_valid_utf8(message_.payload)) return fail(1007);
    message_.size = message_.payload.size();
    expected_.frames.push_back(message_);
  }

  void take_control(const Frame& frame) {
    if (frame.opcode > pong || !frame.final || frame.size > 125) return fail(1002);
    if (!frame.whole() || frame.opcode == pong) return;
    if (frame.opcode == ping) {
      expected_.frames.push_back(frame);
      expected_.frames.back().opcode = pong;
      return;
    }
    if (frame.payload.empty()) return fail(1000);
    if (frame.payload.size() == 1) return fail(1002);
    const auto code = static_cast<unsigned>(static_cast<std::uint8_t>(frame.payload[0]) << 8 |
                                            static_cast<std::uint8_t>(frame.payload[1]));
    const bool valid =
        may_be_sent(code) && is_valid_utf8(std::string_view{frame.payload}.substr(2));
    fail(valid ? code : 1002);
  }

  Expected expected_;
  Frame message_;
  bool in_message_ = false;
};

unsigned code_of(const Frame& frame) {
  if (frame.payload.size() < 2) return 1000;
  return static_cast<unsigned>(static_cast<std::uint8_t>(frame.payload[0]) << 8 |
                               static_cast<std::uint8_t>(frame.payload[1]));
}

}  // namespace

void check_echo(std::string_view sent, std::string_view received) {
  const auto expected = Model{}.work_out(sent);
  std::vector<std::string> messages;
  std::vector<std::string> pongs;
  std::optional<unsigned> closed;
  Frame message;
  while (const auto frame = take_frame(received)) {
    PERDURE_CHECK(frame->whole(), "a frame is cut short");
    PERDURE_CHECK(!closed, "nothing follows a close");
    PERDURE_CHECK(!frame->masked && frame->reserved == 0 && frame->minimal, "a server's frame");
    switch (frame->opcode) {
      case close: closed = code_of(*frame); break;
      case pong: pongs.push_back(frame->payload); break;
      case continuation:
      case text:
      case binary:
        if (frame->opcode != continuation) message = {.opcode = frame->opcode};
        message.payload += frame->payload;
        if (frame->final) {
          messages.push_back(static_cast<char>('0' + message.opcode) + message.payload);
        }
        break;
      default: PERDURE_CHECK(false, "a frame that nobody asked for");
    }
  }
  PERDURE_CHECK(received.empty(), "half a frame");

  // A client that has ended its side may not get all: but what it gets is right, and in order.
  std::size_t message_at = 0;
  std::size_t pong_at = 0;
  for (const auto& frame : expected.frames) {
    if (frame.opcode == pong) {
      if (pong_at < pongs.size() && pongs[pong_at] == frame.payload) ++pong_at;
    } else if (message_at < messages.size()) {
      PERDURE_CHECK(messages[message_at] == static_cast<char>('0' + frame.opcode) + frame.payload,
                    "an echo is what was sent");
      ++message_at;
    }
  }
  PERDURE_CHECK(message_at == messages.size(), "an echo of nothing");
  PERDURE_CHECK(pong_at == pongs.size(), "a pong of no ping");
  if (!closed) return;
  const bool is_right = expected.close_code == 0 || *closed == expected.close_code ||
                        (expected.close_code >= first_undefined && *closed == 1002);
  PERDURE_CHECK(is_right, "closed with another code than " + std::to_string(expected.close_code));
}

}  // namespace perdure::fuzz
