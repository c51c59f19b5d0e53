// SPDX-License-Identifier: Apache-2.0
#include "letter_bound.hpp"

#include <algorithm>

#include "dead_letter.hpp"
#include "index_keys.hpp"
#include "quota.hpp"

namespace perdure::runtime {

namespace {

constexpr std::size_t owners_at_once = 32;

}  // namespace

LetterBound::LetterBound(const storage::Store& store, std::uint64_t letters_max, Send send)
    : store_(store), letters_max_(letters_max), send_(std::move(send)) {}

void LetterBound::made(const std::string& owner) {
  const std::scoped_lock lock{mutex_};
  owners_.insert(owner);
}

std::optional<std::string> LetterBound::next_owner() {
  const std::scoped_lock lock{mutex_};
  if (owners_.empty()) return {};
  return owners_.extract(owners_.begin()).value();
}

void LetterBound::find_owners() {
  for (std::size_t i = 0; i < owners_at_once && find_from_; ++i) {
    const auto row = store_.index(dead_letter_kind_name, index_names::by_owner,
                                  {.from = *find_from_, .limit = 1});
    if (!row) return;  // it is tried again with the next step
    if (row->empty()) {
      find_from_.reset();
      return;
    }
    if (const auto owner = owner_from_key(row->front().key)) made(*owner);
    find_from_ = storage::prefix_end(row->front().key);
  }
}

void LetterBound::step() {
  if (progress_->on_their_way > 0 || store_.health() != storage::Health::writable) return;
  find_owners();
  // What failed once may well fail again at once: its owner's next letter tries again.
  if (last_ && !progress_->failed.exchange(false)) made(*last_);
  last_ = next_owner();
  if (last_ && !purge_some(*last_)) last_.reset();
}

bool LetterBound::purge_some(const std::string& owner) {
  const auto count = store_.count(object_count(dead_letter_kind_name, owner));
  if (!count || *count <= letters_max_) return false;
  const auto key = owner_key(owner);
  // Ids are made in the order of time.
  const auto oldest =
      store_.index(dead_letter_kind_name, index_names::by_owner,
                   {.from = key,
                    .until = storage::prefix_end(key),
                    .limit = std::min<std::size_t>(*count - letters_max_, calls_max)});
  if (!oldest || oldest->empty()) return false;
  progress_->on_their_way += oldest->size();
  for (const auto& row : *oldest) {
    const ObjectId letter{std::string{dead_letter_kind_name}, row.id};
    // One that was deleted, and not yet purged, counts as well.
    send_({.target = letter, .name = std::string{builtin::remove}},
          [send = send_, letter, progress = progress_](const Result<Reply>&) {
            send({.target = letter, .name = std::string{builtin::purge}},
                 [progress](const Result<Reply>& reply) {
                   if (!reply) progress->failed = true;
                   --progress->on_their_way;
                 });
          });
  }
  return true;
}

void LetterBound::check_invariants() const {
  const auto on_their_way = progress_->on_their_way.load();
  PERDURE_CHECK(on_their_way <= calls_max, "more letters are on their way than may be");
  PERDURE_CHECK(on_their_way == 0 || last_, "letters of nobody are on their way");
}

}  // namespace perdure::runtime
