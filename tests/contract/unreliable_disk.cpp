// SPDX-License-Identifier: Apache-2.0
// The calls of RocksDB on an UnreliableDisk.
#include "unreliable_disk.hpp"

#include <rocksdb/system_clock.h>

#include <algorithm>
#include <utility>

#include "unreliable_disk_state.hpp"

namespace perdure::storage {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using std::filesystem::path;

namespace {

using State = UnreliableDisk::State;
using Sort = State::Sort;

class UnreliableWritable final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  UnreliableWritable(std::unique_ptr<FSWritableFile>&& file, std::string name, State& state,
                     ContentPtr content)
      : FSWritableFileOwnerWrapper(std::move(file)),
        name_(std::move(name)),
        is_log_(name_.ends_with(".log")),
        state_(state),
        content_(std::move(content)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  IODebugContext* debug) override {
    if (is_log_ && state_.faults().disk_is_full) {
      return IOStatus::NoSpace("no space left on device");
    }
    if (auto status = state_.begin(Sort::change, "append", name_); !status.ok()) {
      // A write that fails may have written a part.
      const rocksdb::Slice part{data.data(), data.size() / 2};
      FSWritableFileOwnerWrapper::Append(part, options, debug).PermitUncheckedError();
      return status;
    }
    auto status = FSWritableFileOwnerWrapper::Append(data, options, debug);
    state_.written(*content_, GetFileSize(options, debug));
    return status;
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& /*verification*/,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  /// Only logs are written at a place: zeros ahead of their end, and records over these.
  IOStatus PositionedAppend(const rocksdb::Slice& data, std::uint64_t offset,
                            const IOOptions& options, IODebugContext* debug) override {
    if (is_log_ && state_.faults().disk_is_full) {
      return IOStatus::NoSpace("no space left on device");
    }
    if (auto status = state_.begin(Sort::change, "write", name_); !status.ok()) {
      const rocksdb::Slice part{data.data(), data.size() / 2};
      FSWritableFileOwnerWrapper::PositionedAppend(part, offset, options, debug)
          .PermitUncheckedError();
      return status;
    }
    auto status = FSWritableFileOwnerWrapper::PositionedAppend(data, offset, options, debug);
    const auto end = offset + data.size();
    state_.written(*content_, std::max(end, content_->written_bytes));
    const auto is_zero = [](char byte) { return byte == 0; };
    if (!std::all_of(data.data(), data.data() + data.size(), is_zero)) {
      state_.recorded(*content_, end);
    }
    return status;
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    if (auto status = state_.begin(Sort::change, "truncate", name_); !status.ok()) return status;
    auto status = FSWritableFileOwnerWrapper::Truncate(size, options, debug);
    state_.truncated(*content_, size);
    return status;
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    const auto status = state_.begin(Sort::change, "close", name_);
    auto closed = FSWritableFileOwnerWrapper::Close(options, debug);  // or the descriptor leaks
    return status.ok() ? closed : status;
  }
  IOStatus Sync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override { return sync(); }
  IOStatus Fsync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    return sync();
  }
  /// Begins to write, and promises nothing.
  IOStatus RangeSync(std::uint64_t /*offset*/, std::uint64_t /*count*/,
                     const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    return state_.begin(Sort::change, "range sync", name_);
  }
  IOStatus Allocate(std::uint64_t /*offset*/, std::uint64_t /*count*/, const IOOptions& /*options*/,
                    IODebugContext* /*debug*/) override {
    return state_.begin(Sort::change, "allocate", name_);
  }

 private:
  IOStatus sync() {
    const auto faults = state_.faults();
    if (is_log_ && faults.syncs_fail) return IOStatus::IOError("injected: the sync failed");
    if (is_log_ && faults.syncs_fail_for_space) {
      return IOStatus::NoSpace("injected: no space to sync");
    }
    const auto size = content_->written_bytes;
    if (auto status = state_.begin(Sort::change, "sync", name_); !status.ok()) return status;
    state_.synced(*content_, size);
    return IOStatus::OK();
  }

  const std::string name_;
  const bool is_log_;
  State& state_;
  const ContentPtr content_;
};

class UnreliableSequential final : public rocksdb::FSSequentialFileOwnerWrapper {
 public:
  UnreliableSequential(std::unique_ptr<FSSequentialFile>&& file, std::string name, State& state)
      : FSSequentialFileOwnerWrapper(std::move(file)), name_(std::move(name)), state_(state) {}
  IOStatus Read(std::size_t count, const IOOptions& options, rocksdb::Slice* result, char* scratch,
                IODebugContext* debug) override {
    if (auto status = state_.begin(Sort::read, "read", name_); !status.ok()) return status;
    return FSSequentialFileOwnerWrapper::Read(count, options, result, scratch, debug);
  }

 private:
  const std::string name_;
  State& state_;
};

class UnreliableRandomAccess final : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  UnreliableRandomAccess(std::unique_ptr<FSRandomAccessFile>&& file, std::string name, State& state)
      : FSRandomAccessFileOwnerWrapper(std::move(file)), name_(std::move(name)), state_(state) {}
  IOStatus Read(std::uint64_t offset, std::size_t count, const IOOptions& options,
                rocksdb::Slice* result, char* scratch, IODebugContext* debug) const override {
    if (auto status = state_.begin(Sort::read, "read", name_); !status.ok()) return status;
    return FSRandomAccessFileOwnerWrapper::Read(offset, count, options, result, scratch, debug);
  }
  IOStatus MultiRead(rocksdb::FSReadRequest* requests, std::size_t count, const IOOptions& options,
                     IODebugContext* debug) override {
    return FSRandomAccessFile::MultiRead(requests, count, options, debug);  // by Read
  }
  IOStatus Prefetch(std::uint64_t /*offset*/, std::size_t /*count*/, const IOOptions& /*options*/,
                    IODebugContext* /*debug*/) override {
    return IOStatus::NotSupported("no read-ahead");
  }

 private:
  const std::string name_;
  State& state_;
};

class UnreliableDirectory final : public rocksdb::FSDirectoryWrapper {
 public:
  UnreliableDirectory(std::unique_ptr<FSDirectory>&& directory, State& state)
      : FSDirectoryWrapper(std::move(directory)), state_(state) {}
  IOStatus Fsync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    if (auto status = state_.begin(Sort::change, "sync", "the directory"); !status.ok()) {
      return status;
    }
    state_.directory_synced();
    return IOStatus::OK();
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& /*how*/) override {
    return Fsync(options, debug);
  }

 private:
  State& state_;
};

class UnreliableFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit UnreliableFileSystem(std::shared_ptr<State> state)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), state_(std::move(state)) {}

  const char* Name() const override { return "perdure.unreliable"; }

  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* debug) override {
    if (auto status = state_->begin(Sort::change, "create", name); !status.ok()) return status;
    // A file of this name goes on under its other names; it is not emptied.
    if (std::filesystem::remove(name)) state_->removed(name);
    auto status = FileSystemWrapper::NewWritableFile(name, options, file, debug);
    if (!status.ok()) return status;
    *file = std::make_unique<UnreliableWritable>(std::move(*file), name, *state_,
                                                 state_->created(name));
    return status;
  }
  IOStatus ReopenWritableFile(const std::string& /*name*/, const FileOptions& /*options*/,
                              std::unique_ptr<rocksdb::FSWritableFile>* /*file*/,
                              IODebugContext* /*debug*/) override {
    return IOStatus::NotSupported("files are written once");
  }
  IOStatus ReuseWritableFile(const std::string& /*name*/, const std::string& /*old_name*/,
                             const FileOptions& /*options*/,
                             std::unique_ptr<rocksdb::FSWritableFile>* /*file*/,
                             IODebugContext* /*debug*/) override {
    return IOStatus::NotSupported("files are written once");
  }
  IOStatus NewSequentialFile(const std::string& name, const FileOptions& options,
                             std::unique_ptr<rocksdb::FSSequentialFile>* file,
                             IODebugContext* debug) override {
    if (auto status = state_->begin(Sort::read, "open", name); !status.ok()) return status;
    auto status = FileSystemWrapper::NewSequentialFile(name, options, file, debug);
    if (!status.ok()) return status;
    *file = std::make_unique<UnreliableSequential>(std::move(*file), name, *state_);
    return status;
  }
  IOStatus NewRandomAccessFile(const std::string& name, const FileOptions& options,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                               IODebugContext* debug) override {
    if (auto status = state_->begin(Sort::read, "open", name); !status.ok()) return status;
    auto status = FileSystemWrapper::NewRandomAccessFile(name, options, file, debug);
    if (!status.ok()) return status;
    *file = std::make_unique<UnreliableRandomAccess>(std::move(*file), name, *state_);
    return status;
  }
  IOStatus NewDirectory(const std::string& name, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* directory,
                        IODebugContext* debug) override {
    if (auto status = state_->begin(Sort::read, "open", name); !status.ok()) return status;
    auto status = FileSystemWrapper::NewDirectory(name, options, directory, debug);
    if (!status.ok()) return status;
    *directory = std::make_unique<UnreliableDirectory>(std::move(*directory), *state_);
    return status;
  }
  IOStatus GetChildren(const std::string& directory, const IOOptions& options,
                       std::vector<std::string>* names, IODebugContext* debug) override {
    if (auto status = state_->begin(Sort::read, "list", directory); !status.ok()) return status;
    return FileSystemWrapper::GetChildren(directory, options, names, debug);
  }
  IOStatus GetFileSize(const std::string& name, const IOOptions& options, std::uint64_t* size,
                       IODebugContext* debug) override {
    if (auto status = state_->begin(Sort::read, "size of", name); !status.ok()) return status;
    return FileSystemWrapper::GetFileSize(name, options, size, debug);
  }
  IOStatus DeleteFile(const std::string& name, const IOOptions& options,
                      IODebugContext* debug) override {
    if (auto status = state_->begin(Sort::change, "delete", name); !status.ok()) return status;
    auto status = FileSystemWrapper::DeleteFile(name, options, debug);
    if (status.ok()) state_->removed(name);
    return status;
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
    if (auto status = state_->begin(Sort::change, "rename", from); !status.ok()) return status;
    auto status = FileSystemWrapper::RenameFile(from, to, options, debug);
    if (status.ok()) state_->renamed(from, to);
    return status;
  }

 private:
  const std::shared_ptr<State> state_;
};

/// After a failed flush or compaction RocksDB waits for a second before it looks on.
class QuickClock final : public rocksdb::SystemClockWrapper {
 public:
  QuickClock() : SystemClockWrapper(rocksdb::SystemClock::Default()) {}
  const char* Name() const override { return "perdure.quick"; }
  void SleepForMicroseconds(int micros) override {
    SystemClockWrapper::SleepForMicroseconds(std::min(micros, 1000));
  }
};

class UnreliableEnv final : public rocksdb::EnvWrapper {
 public:
  explicit UnreliableEnv(std::shared_ptr<rocksdb::FileSystem> files)
      : EnvWrapper(rocksdb::Env::Default()) {
    file_system_ = std::move(files);
    system_clock_ = std::make_shared<QuickClock>();
  }
  const char* Name() const override { return "perdure.unreliable"; }
};

}  // namespace

UnreliableDisk::UnreliableDisk(const path& directory)
    : state_(std::make_shared<State>(directory)),
      env_(std::make_unique<UnreliableEnv>(std::make_shared<UnreliableFileSystem>(state_))) {}

UnreliableDisk::~UnreliableDisk() = default;

void UnreliableDisk::set_faults(const DiskFaults& faults) { state_->set_faults(faults); }
std::uint64_t UnreliableDisk::calls() const { return state_->calls(); }
std::string UnreliableDisk::struck() const { return state_->struck(); }
bool UnreliableDisk::power_is_off() const { return state_->power_is_off(); }
void UnreliableDisk::reboot(std::mt19937_64& random) { state_->reboot(random); }

}  // namespace perdure::storage
