// SPDX-License-Identifier: Apache-2.0
#include "rocksdb/frozen_names.hpp"

#include <rocksdb/file_system.h>

#include <utility>

namespace perdure::storage {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

namespace {

class Heeding final : public rocksdb::FileSystemWrapper {
 public:
  Heeding(std::shared_ptr<rocksdb::FileSystem> base, std::shared_ptr<const FrozenNames> frozen)
      : FileSystemWrapper(std::move(base)), frozen_(std::move(frozen)) {}
  const char* Name() const override { return "perdure.frozen_names"; }

  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* debug) override {
    return unless_frozen(
        name, [&] { return FileSystemWrapper::NewWritableFile(name, options, file, debug); });
  }
  IOStatus ReopenWritableFile(const std::string& name, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* file,
                              IODebugContext* debug) override {
    return unless_frozen(
        name, [&] { return FileSystemWrapper::ReopenWritableFile(name, options, file, debug); });
  }
  IOStatus ReuseWritableFile(const std::string& name, const std::string& old_name,
                             const FileOptions& options,
                             std::unique_ptr<rocksdb::FSWritableFile>* file,
                             IODebugContext* debug) override {
    return unless_frozen(name, [&] {
      return FileSystemWrapper::ReuseWritableFile(name, old_name, options, file, debug);
    });
  }
  IOStatus NewRandomRWFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSRandomRWFile>* file,
                           IODebugContext* debug) override {
    return unless_frozen(
        name, [&] { return FileSystemWrapper::NewRandomRWFile(name, options, file, debug); });
  }
  IOStatus DeleteFile(const std::string& name, const IOOptions& options,
                      IODebugContext* debug) override {
    return unless_frozen(name, [&] { return FileSystemWrapper::DeleteFile(name, options, debug); });
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
    return unless_frozen(from,
                         [&] { return FileSystemWrapper::RenameFile(from, to, options, debug); });
  }
  IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions& options,
                    IODebugContext* debug) override {
    return unless_frozen(to, [&] { return FileSystemWrapper::LinkFile(from, to, options, debug); });
  }
  IOStatus Truncate(const std::string& name, std::size_t size, const IOOptions& options,
                    IODebugContext* debug) override {
    return unless_frozen(name,
                         [&] { return FileSystemWrapper::Truncate(name, size, options, debug); });
  }
  IOStatus CreateDir(const std::string& name, const IOOptions& options,
                     IODebugContext* debug) override {
    return unless_frozen(name, [&] { return FileSystemWrapper::CreateDir(name, options, debug); });
  }
  IOStatus CreateDirIfMissing(const std::string& name, const IOOptions& options,
                              IODebugContext* debug) override {
    return unless_frozen(
        name, [&] { return FileSystemWrapper::CreateDirIfMissing(name, options, debug); });
  }
  IOStatus DeleteDir(const std::string& name, const IOOptions& options,
                     IODebugContext* debug) override {
    return unless_frozen(name, [&] { return FileSystemWrapper::DeleteDir(name, options, debug); });
  }

 private:
  template <class Change>
  [[nodiscard]] IOStatus unless_frozen(const std::string& name, const Change& change) const {
    if (!frozen_->have_begun()) return change();
    return IOStatus::PathNotFound("the data directory is another one by now", name);
  }

  const std::shared_ptr<const FrozenNames> frozen_;
};

class HeedingEnv final : public rocksdb::EnvWrapper {
 public:
  HeedingEnv(rocksdb::Env* base, std::shared_ptr<const FrozenNames> frozen) : EnvWrapper(base) {
    file_system_ = std::make_shared<Heeding>(base->GetFileSystem(), std::move(frozen));
    system_clock_ = base->GetSystemClock();
  }
  const char* Name() const override { return "perdure.frozen_names"; }
};

}  // namespace

std::unique_ptr<rocksdb::Env> heed_frozen_names(rocksdb::Env* base,
                                                std::shared_ptr<const FrozenNames> frozen) {
  return std::make_unique<HeedingEnv>(base, std::move(frozen));
}

}  // namespace perdure::storage
