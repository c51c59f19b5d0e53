// SPDX-License-Identifier: Apache-2.0
// ListStreams: the rows of several ranges of lists as one, in the order of their values and ids.
#pragma once

#include <string>
#include <vector>

#include "perdure/runtime/list_plan.hpp"

namespace perdure::runtime {

/// Which values of the last column are walked along, as beginnings of keys behind a prefix.
struct ListBounds {
  std::string from;
  std::string until;
};

/// All values but null.
[[nodiscard]] ListBounds some_value();
/// Those within the bounds of a range's test.
[[nodiscard]] ListBounds within(const ListTest& test);
[[nodiscard]] ListBounds no_value();

/// The rows of one prefix that fit, and now and then one that does not. Their keys are given
/// without the prefix.
class ListStream {
 public:
  ListStream(const ListRows& rows, std::string index, std::string prefix, const ListBounds& bounds,
             Order order, std::size_t first_batch, const ListFit* fits);

  void start_after(const ListMark& mark);
  /// The next row, which stays the next one until it is passed; null at the end.
  [[nodiscard]] Result<const ListRow*> head();
  void pass() { ++at_; }
  /// The read that it begins with. Borrows from it.
  [[nodiscard]] ListRead first_read() const;

 private:
  [[nodiscard]] Result<void> load();

  const ListRows* rows_;
  std::string index_;
  std::string prefix_;
  ListRange range_;
  std::optional<ListRow> after_;
  std::vector<ListRow> batch_;
  std::size_t at_ = 0;
  bool more_ = true;
};

class ListStreams {
 public:
  ListStreams(std::vector<ListStream> streams, Order order)
      : streams_(std::move(streams)), order_(order) {}

  /// The next row, each item's once; null at the end. It is there until the next call.
  [[nodiscard]] Result<const ListRow*> next();
  /// Appends the reads that they begin with. Borrows from them.
  void add_first_reads(std::vector<ListRead>& reads) const {
    for (const auto& stream : streams_) reads.push_back(stream.first_read());
  }

 private:
  std::vector<ListStream> streams_;
  Order order_;
  std::vector<ListStream*> due_;  ///< the streams that the row given last came from
};

/// Whether `a` comes before `b` in a list.
[[nodiscard]] bool comes_before(const ListMark& a, const ListMark& b, Order order);

}  // namespace perdure::runtime
