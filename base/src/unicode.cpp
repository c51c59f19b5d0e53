// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/unicode.hpp"

#include <unicode/bytestream.h>
#include <unicode/idna.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <memory>

#include "perdure/base/check.hpp"
#include "perdure/base/utf8.hpp"

namespace perdure {

namespace {

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

icu::StringPiece piece(std::string_view text) {
  return {text.data(), static_cast<std::int32_t>(text.size())};
}

/// ICU's own, for the whole process; its data are part of the library.
const icu::Normalizer2& nfc() {
  static const icu::Normalizer2* const normalizer = [] {
    UErrorCode status = U_ZERO_ERROR;
    const auto* made = icu::Normalizer2::getNFCInstance(status);
    PERDURE_CHECK(U_SUCCESS(status) != 0, "ICU has the data of NFC");
    return made;
  }();
  return *normalizer;
}

const icu::IDNA& idna() {
  static const std::unique_ptr<const icu::IDNA> rules = [] {
    UErrorCode status = U_ZERO_ERROR;
    std::unique_ptr<const icu::IDNA> made{icu::IDNA::createUTS46Instance(
        UIDNA_USE_STD3_RULES | UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ |
            UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_NONTRANSITIONAL_TO_UNICODE,
        status)};
    PERDURE_CHECK(U_SUCCESS(status) != 0, "ICU has the data of IDNA");
    return made;
  }();
  return *rules;
}

}  // namespace

std::string to_nfc(std::string_view text) {
  if (is_ascii(text) || !is_valid_utf8(text)) return std::string{text};
  std::string normal;
  icu::StringByteSink<std::string> sink{&normal, static_cast<std::int32_t>(text.size())};
  UErrorCode status = U_ZERO_ERROR;
  nfc().normalizeUTF8(0, piece(text), sink, nullptr, status);
  PERDURE_CHECK(U_SUCCESS(status) != 0, "valid text has a normal form");
  return normal;
}

std::string fold_case(std::string_view text) {
  if (is_ascii(text) || !is_valid_utf8(text)) return fold_ascii_case(text);
  std::string folded;
  const auto size = static_cast<std::int32_t>(text.size());
  for (std::int32_t at = 0; at < size;) {
    UChar32 letter = 0;
    U8_NEXT(text.data(), at, size, letter);
    icu::UnicodeString{u_foldCase(letter, U_FOLD_CASE_DEFAULT)}.toUTF8String(folded);
  }
  return to_nfc(folded);
}

std::optional<std::string> host_to_ascii(std::string_view host) {
  constexpr std::size_t host_bytes_max = 1'024;  // far above 253 once it is encoded
  if (host.empty() || host.size() > host_bytes_max || !is_valid_utf8(host)) return {};
  std::string ascii;
  icu::StringByteSink<std::string> sink{&ascii};
  icu::IDNAInfo info;
  UErrorCode status = U_ZERO_ERROR;
  idna().nameToASCII_UTF8(piece(host), sink, info, status);
  if (U_FAILURE(status) != 0 || info.hasErrors() != 0 || ascii.empty()) return {};
  return ascii;
}

}  // namespace perdure
