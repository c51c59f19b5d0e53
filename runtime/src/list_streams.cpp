// SPDX-License-Identifier: Apache-2.0
#include "list_streams.hpp"

#include <algorithm>

#include "perdure/runtime/sortable.hpp"
#include "perdure/storage/store.hpp"

namespace perdure::runtime {

namespace {

constexpr std::size_t batch_max = 512;
/// Rows that one read looks at where it leaves some out. A row costs a fiftieth of a read.
constexpr std::size_t looked_max = 2'048;
constexpr std::string_view null_value{"\1", 1};

bool is_equal(const ListRow& a, const ListRow& b) { return a.id == b.id && a.key == b.key; }

bool is_before(const ListRow& a, const ListRow& b, Order order) {
  const auto compared = a.key != b.key ? a.key.compare(b.key) : a.id.compare(b.id);
  return order == Order::ascending ? compared < 0 : compared > 0;
}

}  // namespace

ListBounds no_value() {
  return {std::string{null_value}, storage::prefix_end(std::string{null_value})};
}

ListBounds some_value() { return {storage::prefix_end(std::string{null_value}), {}}; }

ListBounds within(const ListTest& test) {
  auto bounds = some_value();
  if (!test.above.empty()) bounds.from = storage::prefix_end(test.above);
  if (!test.below.empty()) bounds.until = test.below;
  return bounds;
}

ListStream::ListStream(const ListRows& rows, std::string index, std::string prefix,
                       const ListBounds& bounds, Order order, std::size_t first_batch,
                       const ListFit* fits)
    : rows_(&rows), index_(std::move(index)), prefix_(std::move(prefix)) {
  range_.from = prefix_ + bounds.from;
  range_.until = bounds.until.empty() ? storage::prefix_end(prefix_) : prefix_ + bounds.until;
  range_.order = order;
  range_.limit = std::clamp<std::size_t>(first_batch, 1, batch_max);
  range_.fits = fits;
}

void ListStream::start_after(const ListMark& mark) {
  after_ = ListRow{prefix_ + mark.value, mark.id, {}};
}

ListRead ListStream::first_read() const {
  ListRead read{index_, range_};
  read.range.after = after_ ? &*after_ : nullptr;
  return read;
}

Result<void> ListStream::load() {
  range_.after = after_ ? &*after_ : nullptr;
  PERDURE_TRY(found, rows_->read(index_, range_));
  std::size_t looked = 0;
  for (const auto& row : found) looked += row.looked;
  more_ = found.size() >= range_.limit || (range_.fits != nullptr && looked >= range_.looked_max);
  batch_ = std::move(found);
  at_ = 0;
  if (more_) after_ = ListRow{batch_.back().key, batch_.back().id, {}};
  for (auto& row : batch_) row.key.erase(0, prefix_.size());
  range_.limit = std::min(range_.limit * 2, batch_max);
  range_.looked_max = std::min(range_.looked_max * 2, looked_max);
  return {};
}

Result<const ListRow*> ListStream::head() {
  if (at_ >= batch_.size() && more_) PERDURE_TRY_VOID(load());
  return at_ < batch_.size() ? &batch_[at_] : nullptr;
}

Result<const ListRow*> ListStreams::next() {
  for (auto* stream : due_) stream->pass();
  due_.clear();
  const ListRow* first = nullptr;
  for (auto& stream : streams_) {
    PERDURE_TRY(head, stream.head());
    if (head == nullptr) continue;
    if (first != nullptr && is_equal(*head, *first)) {
      due_.push_back(&stream);
    } else if (first == nullptr || is_before(*head, *first, order_)) {
      first = head;
      due_.assign(1, &stream);
    }
  }
  return first;
}

bool comes_before(const ListMark& a, const ListMark& b, Order order) {
  const bool a_is_null = a.value == null_value;
  const bool b_is_null = b.value == null_value;
  if (a_is_null != b_is_null) return b_is_null;
  const auto compared = a.value != b.value ? a.value.compare(b.value) : a.id.compare(b.id);
  return order == Order::ascending ? compared < 0 : compared > 0;
}

}  // namespace perdure::runtime
