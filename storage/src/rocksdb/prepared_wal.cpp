// SPDX-License-Identifier: Apache-2.0
#include "rocksdb/prepared_wal.hpp"

#include <rocksdb/file_system.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>

namespace perdure::storage {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

namespace {

constexpr std::size_t block_bytes = 32u << 10;
constexpr std::size_t header_bytes_max = 7;
constexpr int last_type = 4;  // whole, first, middle, last; what is above belongs to reused files

/// A small store's log stays small; a busy one is prepared a fifth of a second ahead.
constexpr std::uint64_t step_min = 64u << 10;
constexpr std::uint64_t step_max = 1u << 20;
/// In pieces of a page: Linux keeps what one call writes as one folio, and then counts all of it as
/// written for each record that changes a part (`write_bytes` of /proc/PID/io).
constexpr std::array<char, 4u << 10> zeros{};
static_assert(step_min % zeros.size() == 0 && step_max % zeros.size() == 0);

class PreparedWal;

/// The log that is being written. Guards it while it is cut or closed.
struct Newest {
  std::mutex mutex;
  PreparedWal* wal = nullptr;
};

/// Threads  as RocksDB's files: one at a time, but for `cut`.
class PreparedWal final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  PreparedWal(std::unique_ptr<FSWritableFile>&& file, std::shared_ptr<Newest> newest)
      : FSWritableFileOwnerWrapper(std::move(file)), newest_(std::move(newest)) {}
  ~PreparedWal() override {
    const std::scoped_lock lock{newest_->mutex};
    if (newest_->wal == this) newest_->wal = nullptr;
  }

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  IODebugContext* debug) override {
    if (auto status = prepare(end_ + data.size(), options, debug); !status.ok()) return status;
    auto status = FSWritableFileOwnerWrapper::PositionedAppend(data, end_, options, debug);
    if (!status.ok()) return status;
    end_ += data.size();
    prepared_ = std::max(prepared_, end_);
    return status;
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& /*verification*/,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    auto status = FSWritableFileOwnerWrapper::Truncate(size, options, debug);
    if (status.ok()) end_ = prepared_ = size;
    return status;
  }
  std::uint64_t GetFileSize(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    return end_;
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    cut(options, debug);
    return FSWritableFileOwnerWrapper::Close(options, debug);
  }

  /// Takes the zeros away. Without harm if it fails: they are an end as well.
  void cut(const IOOptions& options, IODebugContext* debug) {
    if (prepared_ > end_) Truncate(end_, options, debug).PermitUncheckedError();
  }

 private:
  IOStatus prepare(std::uint64_t end, const IOOptions& options, IODebugContext* debug) {
    if (prepared_ >= end) return IOStatus::OK();
    const auto until = std::max(end, prepared_ + std::clamp(prepared_, step_min, step_max));
    while (prepared_ < until) {
      auto status = FSWritableFileOwnerWrapper::PositionedAppend({zeros.data(), zeros.size()},
                                                                 prepared_, options, debug);
      // The record itself may have room yet.
      if (status.IsNoSpace()) return IOStatus::OK();
      if (!status.ok()) return status;
      prepared_ += zeros.size();
    }
    return IOStatus::OK();
  }

  const std::shared_ptr<Newest> newest_;
  std::uint64_t end_ = 0;
  std::uint64_t prepared_ = 0;  ///< from `end_` to here are zeros
};

class WalInput final : public rocksdb::FSSequentialFileOwnerWrapper {
 public:
  using FSSequentialFileOwnerWrapper::FSSequentialFileOwnerWrapper;

  IOStatus Read(std::size_t count, const IOOptions& options, rocksdb::Slice* result, char* scratch,
                IODebugContext* debug) override {
    auto status = FSSequentialFileOwnerWrapper::Read(count, options, result, scratch, debug);
    if (status.ok()) *result = {result->data(), end_.take({result->data(), result->size()})};
    return status;
  }
  IOStatus Skip(std::uint64_t /*count*/) override {
    return IOStatus::NotSupported("logs are read from their beginning");
  }

 private:
  WalEnd end_;
};

class PreparedWals final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;

  const char* Name() const override { return "perdure.prepared_wal"; }

  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* debug) override {
    auto status = FileSystemWrapper::NewWritableFile(name, options, file, debug);
    if (!status.ok() || !name.ends_with(".log")) return status;
    auto wal = std::make_unique<PreparedWal>(std::move(*file), newest_);
    {
      const std::scoped_lock lock{newest_->mutex};
      if (newest_->wal != nullptr) newest_->wal->cut(options.io_options, debug);
      newest_->wal = wal.get();
    }
    *file = std::move(wal);
    return status;
  }
  IOStatus NewSequentialFile(const std::string& name, const FileOptions& options,
                             std::unique_ptr<rocksdb::FSSequentialFile>* file,
                             IODebugContext* debug) override {
    auto status = FileSystemWrapper::NewSequentialFile(name, options, file, debug);
    if (status.ok() && name.ends_with(".log")) *file = std::make_unique<WalInput>(std::move(*file));
    return status;
  }

 private:
  const std::shared_ptr<Newest> newest_ = std::make_shared<Newest>();  // shared with the logs
};

class PreparedEnv final : public rocksdb::EnvWrapper {
 public:
  explicit PreparedEnv(rocksdb::Env* base) : EnvWrapper(base) {
    file_system_ = std::make_shared<PreparedWals>(base->GetFileSystem());
    system_clock_ = base->GetSystemClock();
  }
  const char* Name() const override { return "perdure.prepared_wal"; }
};

}  // namespace

std::unique_ptr<rocksdb::Env> prepare_wals(rocksdb::Env* base) {
  return std::make_unique<PreparedEnv>(base);
}

std::size_t WalEnd::take(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && !has_ended_) {
    if (is_opaque_) return bytes.size();
    const auto block_left = block_bytes - position_ % block_bytes;
    if (payload_left_ == 0 && (header_bytes_ > 0 || block_left >= header_bytes_max)) {
      take_header_byte(bytes[taken]);
      ++taken;
      ++position_;
      // The header's own bytes are no part of the log then.
      if (has_ended_) return taken - std::min(taken, header_bytes_max);
      continue;
    }
    const auto count =
        std::min(bytes.size() - taken, payload_left_ > 0 ? payload_left_ : block_left);
    payload_left_ -= std::min(payload_left_, count);
    taken += count;
    position_ += count;
  }
  return has_ended_ ? 0 : taken;
}

void WalEnd::take_header_byte(char byte) {
  const auto value = static_cast<unsigned char>(byte);
  ++header_bytes_;
  if (header_bytes_ == 5) length_ = value;
  if (header_bytes_ == 6) length_ |= static_cast<std::size_t>(value) << 8;
  if (header_bytes_ < header_bytes_max) return;
  header_bytes_ = 0;
  payload_left_ = length_;
  has_ended_ = value == 0 && length_ == 0;
  const auto block_left = block_bytes - (position_ + 1) % block_bytes;
  is_opaque_ = value > last_type || (length_ > block_left);
}

}  // namespace perdure::storage
