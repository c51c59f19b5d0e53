// SPDX-License-Identifier: Apache-2.0
// RocksDB stores for a runtime.
#include <utility>

#include "perdure/storage/rocksdb_store.hpp"

namespace perdure::storage {

namespace {

class RocksdbFactory final : public StoreFactory {
 public:
  explicit RocksdbFactory(RocksdbOptions options) : options_(std::move(options)) {}

  [[nodiscard]] std::string_view name() const override { return "rocksdb"; }
  [[nodiscard]] Result<std::unique_ptr<Store>> open(StoreRequest request) override {
    auto options = options_;
    options.mode = request.mode;
    options.durability = request.durability;
    options.lost_commits = request.lost_commits;
    options.on_write_failure = std::move(request.on_write_failure);
    options.on_damage = std::move(request.on_damage);
    options.on_new_line = std::move(request.on_new_line);
    return open_rocksdb(std::move(options));
  }
  [[nodiscard]] bool has_room() const override { return has_room_rocksdb(options_.directory); }
  [[nodiscard]] Result<CheckReport> check(const RecordCheck& record_check,
                                          const CheckProgress& progress) const override {
    return check_rocksdb(options_.directory, record_check, progress);
  }

 private:
  const RocksdbOptions options_;
};

}  // namespace

std::shared_ptr<StoreFactory> rocksdb_factory(RocksdbOptions options) {
  return std::make_shared<RocksdbFactory>(std::move(options));
}

}  // namespace perdure::storage
