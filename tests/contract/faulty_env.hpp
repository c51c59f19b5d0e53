// SPDX-License-Identifier: Apache-2.0
// A RocksDB environment whose write-ahead log fails to sync, or to take bytes, on demand.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <atomic>
#include <memory>
#include <string>

namespace perdure::storage {

struct Faults {
  std::atomic<bool> syncs_fail{false};
  std::atomic<bool> syncs_fail_for_space{false};
  std::atomic<bool> disk_is_full{false};
};

class FaultyLog final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyLog(std::unique_ptr<rocksdb::FSWritableFile>&& file, Faults& faults)
      : FSWritableFileOwnerWrapper(std::move(file)), faults_(faults) {}

  using FSWritableFileOwnerWrapper::Append;
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    if (faults_.disk_is_full) return rocksdb::IOStatus::NoSpace("no space left on device");
    return FSWritableFileOwnerWrapper::Append(data, options, debug);
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                         rocksdb::IODebugContext* debug) override {
    if (faults_.syncs_fail) return rocksdb::IOStatus::IOError("injected: the sync failed");
    if (faults_.syncs_fail_for_space)
      return rocksdb::IOStatus::NoSpace("injected: no space to sync");
    return FSWritableFileOwnerWrapper::Sync(options, debug);
  }

 private:
  Faults& faults_;
};

class FaultyFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit FaultyFileSystem(Faults& faults)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), faults_(faults) {}

  const char* Name() const override { return "perdure.faulty"; }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    auto status = FileSystemWrapper::NewWritableFile(name, options, file, debug);
    if (status.ok() && name.ends_with(".log")) {
      *file = std::make_unique<FaultyLog>(std::move(*file), faults_);
    }
    return status;
  }

 private:
  Faults& faults_;
};

/// The environment, and what fails in it.
class FaultyEnv {
 public:
  Faults faults;
  rocksdb::Env* get() { return env_.get(); }

 private:
  std::unique_ptr<rocksdb::Env> env_ =
      rocksdb::NewCompositeEnv(std::make_shared<FaultyFileSystem>(faults));
};

}  // namespace perdure::storage
