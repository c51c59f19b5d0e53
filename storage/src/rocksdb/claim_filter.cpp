// SPDX-License-Identifier: Apache-2.0
#include "rocksdb/claim_filter.hpp"

#include "rows.hpp"

namespace perdure::storage {
namespace {

class ClaimFilter final : public rocksdb::CompactionFilter {
 public:
  explicit ClaimFilter(Timestamp now) : now_(now) {}

  const char* Name() const override { return "perdure.expired_claims"; }

  bool Filter(int /*level*/, const rocksdb::Slice& key, const rocksdb::Slice& value,
              std::string* /*new_value*/, bool* /*changed*/) const override {
    const auto content =
        rows::unseal(rows::Table::claims, {key.data(), key.size()}, {value.data(), value.size()});
    if (!content) return false;  // a damaged row stays, so that its readers hear of it
    const auto claim = rows::parse_claim(*content);
    return claim && claim->expired(now_);
  }

 private:
  const Timestamp now_;
};

class ClaimFilterFactory final : public rocksdb::CompactionFilterFactory {
 public:
  explicit ClaimFilterFactory(std::shared_ptr<const CommitClock> clock)
      : clock_(std::move(clock)) {}

  const char* Name() const override { return "perdure.expired_claims"; }

  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context& /*context*/) override {
    return std::make_unique<ClaimFilter>(from_unix_ms(clock_->load()));
  }

 private:
  const std::shared_ptr<const CommitClock> clock_;
};

}  // namespace

std::shared_ptr<rocksdb::CompactionFilterFactory> claim_filter_factory(
    std::shared_ptr<const CommitClock> clock) {
  return std::make_shared<ClaimFilterFactory>(std::move(clock));
}

}  // namespace perdure::storage
