// SPDX-License-Identifier: Apache-2.0
// Whether writes may go on, and what stopped them.
#include <fmt/format.h>
#include <rocksdb/convenience.h>

#include <cerrno>
#include <system_error>

#include "rocksdb/store.hpp"

namespace perdure::storage {
namespace {

/// RocksDB keeps some errors of the system only as the text that ends its message.
bool names(const rocksdb::Status& status, int error) {
  return status.ToString().find(std::generic_category().message(error)) != std::string::npos;
}

}  // namespace

Health WriteGate::health_after(const rocksdb::Status& cause) {
  if (cause.IsNoSpace()) return Health::no_space;
  if (cause.IsCorruption()) return Health::damaged;
  if (cause.IsPathNotFound()) return Health::displaced;
  if (names(cause, EFBIG)) return Health::size_limit;
  if (names(cause, EROFS)) return Health::write_protected;
  return Health::read_only;
}

void WriteGate::close(Health now, const Error& reason) {
  auto before = Health::writable;
  if (health_.compare_exchange_strong(before, now)) {
    if (!on_failure_) return;
    auto told = reason;
    const auto& traits = describe(this->health());
    told.fields = {{"storage", std::string{traits.name}, std::string{traits.detail}}};
    on_failure_(told);
  } else if (before == Health::no_space && now != Health::no_space) {
    health_.store(now);  // from which opening again is no way out
  }
}

Health RocksdbStore::health() const { return gate_->health(); }

Look RocksdbStore::compare() {
  auto looked = [this] {
    const std::scoped_lock lock{look_mutex_};
    return opened_.lock.look();
  }();
  if (looked.found != Look::Found::in_place) return looked;
  const auto& names = *opened_.tuning.names;
  for (const auto& name : names.written()) {
    looked = opened_.lock.look_for(name);
    // RocksDB may have gone on to the next one meanwhile.
    if (looked.found != Look::Found::in_place && names.is_written(name)) return looked;
  }
  const auto least = acknowledged_.load();
  const auto kept = opened_.acked.read();
  if (!kept) return {Look::Found::unknown, kept.error().detail};
  // The slots are written in turn, so that at most one of them is being written now.
  if (kept->value_or(0) + 1 >= least) return {};
  return {Look::Found::displaced,
          "the file ACKED holds an older number than was written: a copy was put in place of the "
          "data directory's files; stop the server and restore them"};
}

Result<void> RocksdbStore::look() {
  auto looked = compare();
  if (looked.found == Look::Found::in_place) return {};
  Error error{.code = ErrorCode::unavailable, .detail = std::move(looked.detail)};
  if (looked.found != Look::Found::displaced) return fail(std::move(error));
  error.fields = {{"storage", std::string{describe(Health::displaced).name}, error.detail}};
  // Before anybody is told: what stands there now is not touched any more.
  opened_.tuning.names->freeze();
  if (gate_->health() != Health::displaced) {
    gate_->close(Health::displaced, error);
    rocksdb::CancelAllBackgroundWork(&database().db(), false);
  }
  return fail(std::move(error));
}

}  // namespace perdure::storage
