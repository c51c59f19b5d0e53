// SPDX-License-Identifier: Apache-2.0
// PageBudget: where a page of a list ends. A list gives pages, and each page is bounded in items,
// in bytes and in the rows that were looked at for it. Every list counts by this one class.
#pragma once

#include <cstddef>

#include "perdure/runtime/options.hpp"

namespace perdure {

struct PageBounds {
  std::size_t items_max = 50;
  std::size_t bytes_max = limits::page_items_bytes_max;
  std::size_t rows_max = limits::page_rows_max;
};

/// Limits  a page that was ended by its bytes or its rows comes short, with a cursor. An item that
///         is larger than a page is given alone.
class PageBudget {
 public:
  explicit PageBudget(PageBounds bounds) : bounds_(bounds) {}

  /// Counts an item whose text has so many bytes. False: the page ends before it.
  [[nodiscard]] bool take(std::size_t bytes) {
    if (items_ >= bounds_.items_max) return false;
    if (items_ > 0 && (bytes_ >= bounds_.bytes_max || bytes > bounds_.bytes_max - bytes_)) {
      return false;
    }
    ++items_;
    bytes_ += bytes;
    return true;
  }
  /// Counts a row that is about to be looked at. False: the page ends before it.
  [[nodiscard]] bool look() {
    if (rows_ >= bounds_.rows_max) return false;
    ++rows_;
    return true;
  }

  [[nodiscard]] std::size_t items() const { return items_; }
  [[nodiscard]] std::size_t items_left() const { return bounds_.items_max - items_; }
  [[nodiscard]] bool full() const {
    return items_ >= bounds_.items_max || bytes_ >= bounds_.bytes_max;
  }

 private:
  PageBounds bounds_;
  std::size_t items_ = 0;
  std::size_t bytes_ = 0;
  std::size_t rows_ = 0;
};

}  // namespace perdure
