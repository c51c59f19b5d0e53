// SPDX-License-Identifier: Apache-2.0
#include "perdure/storage/gaps.hpp"

#include <algorithm>

namespace perdure::storage {

namespace {

/// The first key above `key`: keys hold no NUL.
std::string next_key(std::string_view key) { return std::string{key} + '\x01'; }

}  // namespace

/// The first gap that begins above `key`.
std::vector<Gaps::Gap>::iterator Gaps::after(std::string_view key) {
  return std::ranges::upper_bound(known_->gaps, key, {},
                                  [](const Gap& gap) -> std::string_view { return gap.from; });
}

std::vector<Gaps::Gap>::iterator Gaps::around(std::string_view key) {
  auto& gaps = known_->gaps;
  const auto next = after(key);
  if (next == gaps.begin() || key >= std::prev(next)->until) return gaps.end();
  return std::prev(next);
}

std::optional<std::string_view> Gaps::end_at(std::string_view key) {
  if (size() == 0) return {};
  const auto gap = around(key);
  if (gap == known_->gaps.end()) return {};
  gap->used = ++known_->uses;
  return gap->until;
}

void Gaps::note(std::string from, std::string until) {
  if (from >= until) return;
  if (!known_) known_ = std::make_unique<Known>();
  auto& gaps = known_->gaps;
  auto first = after(from);
  if (first != gaps.begin() && std::prev(first)->until >= from) {
    --first;
    from = std::move(first->from);
  }
  auto last = first;
  for (; last != gaps.end() && last->from <= until; ++last) until = std::max(until, last->until);
  add(gaps.erase(first, last), {std::move(from), std::move(until), ++known_->uses});
}

void Gaps::put(std::string_view key) {
  if (size() == 0) return;
  auto& gaps = known_->gaps;
  const auto gap = around(key);
  if (gap == gaps.end()) return;
  Gap rest{next_key(key), std::move(gap->until), gap->used};
  gap->until = key;
  const auto next = gap->from < gap->until ? std::next(gap) : gaps.erase(gap);
  if (rest.from < rest.until) add(next, std::move(rest));
}

void Gaps::add(std::vector<Gap>::iterator place, Gap gap) {
  auto& gaps = known_->gaps;
  gaps.insert(place, std::move(gap));
  if (gaps.size() <= gaps_max) return;
  gaps.erase(std::ranges::min_element(gaps, {}, &Gap::used));
}

std::optional<std::string_view> GapFinder::leap(std::string_view key) {
  if (gaps_ == nullptr) return {};
  return gaps_->end_at(key);
}

void GapFinder::found(const std::string& key) {
  if (gaps_ == nullptr) return;
  if (leads_ || passed_ >= passed_min) gaps_->note(std::move(from_), key);
  leads_ = false;
  passed_ = 0;
  from_ = next_key(key);
}

void GapFinder::ended(const std::string& until) {
  if (gaps_ != nullptr && !until.empty()) gaps_->note(std::move(from_), until);
}

}  // namespace perdure::storage
