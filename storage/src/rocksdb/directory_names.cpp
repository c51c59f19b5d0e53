// SPDX-License-Identifier: Apache-2.0
#include "rocksdb/directory_names.hpp"

#include <rocksdb/file_system.h>

#include <filesystem>
#include <utility>

namespace perdure::storage {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

namespace {

class Watching final : public rocksdb::FileSystemWrapper {
 public:
  Watching(std::shared_ptr<rocksdb::FileSystem> base, std::shared_ptr<DirectoryNames> names)
      : FileSystemWrapper(std::move(base)), names_(std::move(names)) {}
  const char* Name() const override { return "perdure.directory_names"; }

  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* debug) override {
    return unless_frozen(name, [&] {
      auto status = FileSystemWrapper::NewWritableFile(name, options, file, debug);
      if (status.ok()) names_->made(name);
      return status;
    });
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
    return unless_frozen(name, [&] {
      names_->deleted(name);
      return FileSystemWrapper::DeleteFile(name, options, debug);
    });
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
    if (!names_->are_frozen()) return change();
    return IOStatus::PathNotFound("the data directory is another one by now", name);
  }

  const std::shared_ptr<DirectoryNames> names_;
};

class WatchingEnv final : public rocksdb::EnvWrapper {
 public:
  WatchingEnv(rocksdb::Env* base, std::shared_ptr<DirectoryNames> names) : EnvWrapper(base) {
    file_system_ = std::make_shared<Watching>(base->GetFileSystem(), std::move(names));
    system_clock_ = base->GetSystemClock();
  }
  const char* Name() const override { return "perdure.directory_names"; }
};

}  // namespace

std::vector<std::string> DirectoryNames::written() const {
  const std::scoped_lock lock{mutex_};
  std::vector<std::string> names;
  for (const auto& name : {log_, manifest_}) {
    if (!name.empty()) names.push_back(name);
  }
  return names;
}

bool DirectoryNames::is_written(std::string_view name) const {
  const std::scoped_lock lock{mutex_};
  return name == log_ || name == manifest_;
}

void DirectoryNames::made(const std::string& path) {
  auto name = std::filesystem::path{path}.filename().string();
  const std::scoped_lock lock{mutex_};
  if (name.ends_with(".log")) {
    log_ = std::move(name);
  } else if (name.starts_with("MANIFEST-")) {
    manifest_ = std::move(name);
  }
}

void DirectoryNames::deleted(const std::string& path) {
  const auto name = std::filesystem::path{path}.filename().string();
  const std::scoped_lock lock{mutex_};
  if (name == log_) log_.clear();
  if (name == manifest_) manifest_.clear();
}

std::unique_ptr<rocksdb::Env> watch_names(rocksdb::Env* base,
                                          std::shared_ptr<DirectoryNames> names) {
  return std::make_unique<WatchingEnv>(base, std::move(names));
}

}  // namespace perdure::storage
