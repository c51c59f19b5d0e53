// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/unicode.hpp"

#include <gtest/gtest.h>

namespace perdure {
namespace {

TEST(Nfc, is_one_form_for_what_reads_the_same) {
  EXPECT_EQ(to_nfc("plain"), "plain");
  EXPECT_EQ(to_nfc("e\xCC\x81"), "\xC3\xA9");
  EXPECT_EQ(to_nfc("\xC3\xA9"), "\xC3\xA9");
  EXPECT_EQ(to_nfc("\xE2\x84\xAB"), "\xC3\x85") << "the sign of the angstrom is a letter";
  EXPECT_EQ(to_nfc("\xF0\x9F\x98\x80"), "\xF0\x9F\x98\x80");
  EXPECT_EQ(to_nfc("\xFF\xC3"), "\xFF\xC3") << "no UTF-8";
}

TEST(Case, is_one_in_all_scripts_and_takes_letters_one_by_one) {
  EXPECT_EQ(fold_case("Ann@X.org"), "ann@x.org");
  EXPECT_EQ(fold_case("\xC3\x84nne"), "\xC3\xA4nne");
  EXPECT_EQ(fold_case("A\xCC\x88nne"), "\xC3\xA4nne") << "of two code points";
  EXPECT_EQ(fold_case("\xCE\xA3\xCF\x82"), "\xCF\x83\xCF\x83") << "both sigmas are one";
  EXPECT_EQ(fold_case("\xD0\x96"), "\xD0\xB6");
  EXPECT_EQ(fold_case("stra\xC3\x9F"
                      "e"),
            "stra\xC3\x9F"
            "e");
  EXPECT_EQ(fold_case("STRA\xE1\xBA\x9E"
                      "E"),
            "stra\xC3\x9F"
            "e");
  EXPECT_EQ(fold_case("\xFF\xC3\x84Q"), "\xFF\xC3\x84q") << "no UTF-8";
}

TEST(HostNames, stand_in_ascii_as_dns_has_them) {
  EXPECT_EQ(host_to_ascii("b\xC3\xBC"
                          "cher.example"),
            "xn--bcher-kva.example");
  EXPECT_EQ(host_to_ascii("B\xC3\x9C"
                          "CHER.Example"),
            "xn--bcher-kva.example");
  EXPECT_EQ(host_to_ascii("bu\xCC\x88"
                          "cher.example"),
            "xn--bcher-kva.example");
  EXPECT_EQ(host_to_ascii("fa\xC3\x9F.de"), "xn--fa-hia.de") << "not transitional";
  EXPECT_EQ(host_to_ascii("\xE6\x97\xA5\xE6\x9C\xAC.jp"), "xn--wgv71a.jp");
  EXPECT_EQ(host_to_ascii("Example.COM"), "example.com");
  EXPECT_EQ(host_to_ascii("example.com."), "example.com.");
  for (const auto* bad : {"", "a b", "\xC3\xBC..de", "-\xC3\xBC.de", "xn--\xC3\xBC",
                          "\xE2\x92\x88"
                          "com",
                          "\xFF", "a_\xC3\xBC.de", "xn--0.de"}) {
    EXPECT_FALSE(host_to_ascii(bad)) << bad;
  }
  EXPECT_FALSE(host_to_ascii(std::string(2'000, 'a')));
}

}  // namespace
}  // namespace perdure
