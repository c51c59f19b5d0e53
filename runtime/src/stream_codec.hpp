// SPDX-License-Identifier: Apache-2.0
// The bytes of a row of a stream (docs/formats/keys.md):
//
//   format (1)  form (0 open, 1 closed)  varint attempt  be32 mark  varint bytes before  items
//   item: varint (length << 2 | type), then the bytes. Those of an end: how (1), be64 time, a note.
#pragma once

#include <string>

#include "stream_rows.hpp"

namespace perdure::runtime {

enum class RowForm { open, closed };

struct RowContent {
  std::uint64_t attempt;
  std::uint32_t mark;
  RowForm form;
  std::uint64_t before;
  std::string_view items;
};

[[nodiscard]] std::string encode_row(const RowContent& row);
void put_item(std::string& items, StreamItem::Type type, std::string_view text);
[[nodiscard]] std::string encode_end(StreamEnd how, Timestamp at, std::string_view note);

}  // namespace perdure::runtime
