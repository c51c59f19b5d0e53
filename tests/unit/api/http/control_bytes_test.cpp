// SPDX-License-Identifier: Apache-2.0
#include "http/control_bytes.hpp"

#include <gtest/gtest.h>

#include <string>

namespace perdure::http {
namespace {

TEST(ControlBytes, are_found_wherever_they_stand_and_nothing_else_is) {
  for (std::size_t size = 1; size <= 20; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(size, '\t');  // the neighbour that looks most like one
        text[at] = static_cast<char>(byte);
        const bool expected = (byte < 0x20 && byte != '\t') || byte == 0x7F;
        ASSERT_EQ(has_control(text), expected) << size << ' ' << at << ' ' << byte;
        text.assign(size, '\xFF');
        text[at] = static_cast<char>(byte);
        ASSERT_EQ(has_control(text), expected) << size << ' ' << at << ' ' << byte;
      }
    }
  }
}

}  // namespace
}  // namespace perdure::http
