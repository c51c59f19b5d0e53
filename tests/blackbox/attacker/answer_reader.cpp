// SPDX-License-Identifier: Apache-2.0
#include "answer_reader.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

namespace attacker {

namespace {

constexpr std::size_t head_bytes_max = 64u << 10;

/// The value of a field in a head, in lower case; empty when it is not there.
std::string field(std::string_view head, std::string_view name) {
  const auto at = std::ranges::search(head, name, [](unsigned char a, unsigned char b) {
                    return std::tolower(a) == std::tolower(b);
                  }).begin();
  if (at == head.end()) return {};
  auto rest = head.substr(static_cast<std::size_t>(at - head.begin()) + name.size());
  rest = rest.substr(0, rest.find('\r'));
  std::string value{rest};
  std::ranges::transform(value, value.begin(), [](unsigned char c) { return std::tolower(c); });
  return value;
}

}  // namespace

Found AnswerReader::read(const char*& data, const char* end) {
  while (data < end || part_ == Part::done) {
    switch (part_) {
      case Part::head: {
        const auto found = read_head(data, end);
        if (found != Found::nothing) return found;
        break;
      }
      case Part::body:
      case Part::chunk: {
        const auto taken = std::min<std::uint64_t>(left_, static_cast<std::size_t>(end - data));
        data += taken;
        left_ -= taken;
        if (left_ == 0) part_ = part_ == Part::body ? Part::done : Part::chunk_end;
        break;
      }
      case Part::chunk_size:
      case Part::chunk_end:
      case Part::trailer:
        if (read_line(data, end)) read_chunk_line();
        break;
      case Part::endless: data = end; break;
      case Part::done: part_ = Part::head; return Found::end;
    }
  }
  return Found::nothing;
}

Found AnswerReader::read_head(const char*& data, const char* end) {
  // Only the last bytes of what was kept can begin the blank line.
  const auto from = line_.size() < 3 ? 0 : line_.size() - 3;
  const auto before = line_.size();
  line_.append(data, std::min<std::size_t>(static_cast<std::size_t>(end - data), head_bytes_max));
  const auto blank = line_.find("\r\n\r\n", from);
  if (blank == std::string::npos) {
    data = end;
    return line_.size() >= head_bytes_max ? Found::garbage : Found::nothing;
  }
  data += blank + 4 - before;
  line_.resize(blank + 2);
  if (!line_.starts_with("HTTP/1.1 ")) return Found::garbage;
  status_ = std::atoi(line_.c_str() + 9);
  const bool is_interim = status_ / 100 == 1 && status_ != 101;
  if (!is_interim) begin_body();
  line_.clear();
  return is_interim ? Found::nothing : Found::head;
}

void AnswerReader::begin_body() {
  if (status_ == 101) {
    part_ = Part::endless;
  } else if (field(line_, "\r\ntransfer-encoding:").find("chunked") != std::string::npos) {
    part_ = Part::chunk_size;
  } else if (const auto size = field(line_, "\r\ncontent-length:"); !size.empty()) {
    left_ = std::strtoull(size.c_str(), nullptr, 10);
    part_ = left_ == 0 ? Part::done : Part::body;
  } else {
    part_ = status_ == 204 || status_ == 304 ? Part::done : Part::endless;
  }
}

bool AnswerReader::read_line(const char*& data, const char* end) {
  const auto* found =
      static_cast<const char*>(std::memchr(data, '\n', static_cast<std::size_t>(end - data)));
  const auto* stop = found == nullptr ? end : found + 1;
  line_.append(data, stop);
  data = stop;
  return found != nullptr;
}

void AnswerReader::read_chunk_line() {
  const auto line = std::exchange(line_, {});
  if (part_ == Part::chunk_end) {
    part_ = Part::chunk_size;
  } else if (part_ == Part::chunk_size) {
    left_ = std::strtoull(line.c_str(), nullptr, 16);
    part_ = left_ == 0 ? Part::trailer : Part::chunk;
  } else if (line == "\r\n") {
    part_ = Part::done;
  }
}

}  // namespace attacker
