// SPDX-License-Identifier: Apache-2.0
// Stores in memory for a runtime: their disk lasts as long as the process that has the factory.
#include <fmt/format.h>

#include <utility>

#include "perdure/base/random.hpp"
#include "perdure/storage/memory_store.hpp"

namespace perdure::storage {

namespace {

MemoryOptions options_of_process(std::size_t bytes_max, std::string bytes_max_setting) {
  SecureRandom random;
  // 0 is the line of a store that was never another one.
  const auto line = static_cast<std::uint32_t>(random.next() >> 32U) | 1U;
  return {.bytes_max = bytes_max,
          .bytes_max_setting = std::move(bytes_max_setting),
          .line = line,
          .history = fmt::format("{:016x}", random.next()),
          .crashes = MemoryOptions::Crashes::never};
}

class MemoryFactory final : public StoreFactory {
 public:
  explicit MemoryFactory(MemoryOptions options) : disk_(std::make_shared<MemoryDisk>(options)) {}

  [[nodiscard]] std::string_view name() const override { return "memory"; }
  [[nodiscard]] Keeps keeps() const override { return Keeps::for_process; }
  [[nodiscard]] Result<std::unique_ptr<Store>> open(StoreRequest request) override {
    if (request.mode == OpenMode::read_only) return nothing_is_kept();
    return open_memory(disk_);
  }
  [[nodiscard]] Result<CheckReport> check(const RecordCheck& /*record_check*/,
                                          const CheckProgress& /*progress*/) const override {
    return nothing_is_kept();
  }

 private:
  static Unexpected nothing_is_kept() {
    return fail(ErrorCode::invalid,
                "the store is in memory: when its process has ended, there is nothing to look at");
  }

  const std::shared_ptr<MemoryDisk> disk_;
};

}  // namespace

std::shared_ptr<StoreFactory> memory_factory(std::size_t bytes_max, std::string bytes_max_setting) {
  return std::make_shared<MemoryFactory>(
      options_of_process(bytes_max, std::move(bytes_max_setting)));
}

}  // namespace perdure::storage
