// SPDX-License-Identifier: Apache-2.0
#include "formats.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "perdure/base/time.hpp"

namespace perdure {
namespace {

struct Case {
  Format format;
  std::vector<std::string> valid;
  std::vector<std::string> invalid;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> table{
      {Format::date,
       {"2026-01-31", "2024-02-29", "0000-01-01", "9999-12-31"},
       {"", "2026-02-29", "2026-13-01", "2026-1-01", "26-01-01", "2026-01-01T", "2026/01/01",
        "২026-01-1"}},
      {Format::time,
       {"12:00:00Z", "23:59:59.123456789+05:30", "00:00:00z", "23:59:60Z", "01:29:60+01:30",
        "15:59:60-08:00"},
       {"", "12:00:00", "24:00:00Z", "12:60:00Z", "12:00:61Z", "12:00Z", "12:00:00.Z", "22:59:60Z",
        "23:59:60+01:00", "12:00:00+24:00", "12:00:00+0100", "1:00:00Z"}},
      {Format::date_time,
       {"2026-01-31T12:00:00Z", "2026-01-31t12:00:00.5-23:59"},
       {"2026-01-31", "2026-01-31 12:00:00Z", "2026-02-30T12:00:00Z", "2026-01-31T25:00:00Z",
        "2026-01-31TZ", "2026-01-31T"}},
      {Format::uuid,
       {"2eb8aa08-aa98-11ea-b4aa-73b441d16380"},
       {"", "2eb8aa08aa9811eab4aa73b441d16380", "2eb8aa08-aa98-11ea-b4aa-73b441d1638x"}},
      {Format::email,
       {"a@b", "joe.bloggs+tag@example.co.uk", "o'neil@xn--bcher-kva.example"},
       {"", "a", "@b", "a@", ".a@b", "a.@b", "a..b@c", "a b@c", "a@b c", "a@-b", "a@b-.c", "a@b..c",
        "a@b.", "a@b@c", "ä@b", "a@" + std::string(64, 'x'), std::string(65, 'x') + "@b"}},
      {Format::idn_email,
       {"a@b", "o'neil@xn--bcher-kva.example", "ä@b", "用户@例子.广告", "jörg@bücher.example"},
       {"", "ä", "@bücher", "ä@", ".ä@b", "a@b..ü", "a@ü b", "a@-ü", "ä ö@b",
        std::string(33, 'x') + "ääääääääääääääää@b", "a@\xFF"}},
      {Format::uri,
       {"http://a", "https://u:p@h.example:8080/p/a?q=1&r#f?", "urn:isbn:1", "mailto:a@b",
        "http://[::1]:80/", "file:///etc", "a+b.c-d:", "http://h/%7Ex"},
       {"", "a", "//h/p", "/p", ":p", "1a:b", "http://a b", "http://h/<x>", "http://h/%7",
        "http://h/%zz", "http://h:8a/", "http://[::1", "http://h/#a#b", "http://h/\\"}},
  };
  return table;
}

TEST(Formats, take_and_refuse_what_their_standards_say) {
  for (const auto& [format, valid, invalid] : cases()) {
    for (const auto& text : valid) EXPECT_TRUE(matches(format, text)) << text;
    for (const auto& text : invalid) EXPECT_FALSE(matches(format, text)) << text;
  }
}

TEST(Formats, every_date_time_that_passes_can_be_read_as_a_time) {
  for (const auto& text : cases()[2].valid) EXPECT_TRUE(parse_rfc3339(text)) << text;
}

TEST(Formats, names_lead_back) {
  for (const auto& row : cases()) EXPECT_EQ(format_from(name_of(row.format)), row.format);
  EXPECT_EQ(format_from("hostname"), std::nullopt);
}

}  // namespace
}  // namespace perdure
