// SPDX-License-Identifier: Apache-2.0
#include "rocksdb/directory_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace perdure::storage {
namespace {

constexpr std::string_view lock_name = "LOCK.perdure";
/// Without one of these nothing can be opened again.
constexpr std::array<std::string_view, 3> needed_files{"FORMAT", "ACKED", "CURRENT"};
constexpr std::size_t pid_bytes_max = 20;

constexpr std::string_view what_to_do =
    "stop the server, put the directory back in its place, and start it again";

/// Whether the open file is the one at `path`; none when that cannot be told.
enum class Stands { there, elsewhere, nowhere, unknown };

Stands stands(const File& file, const std::filesystem::path& path) {
  struct stat open {};
  struct stat named {};
  if (::fstat(file.descriptor(), &open) != 0) return Stands::unknown;
  if (::stat(path.c_str(), &named) != 0) {
    return errno == ENOENT || errno == ENOTDIR ? Stands::nowhere : Stands::unknown;
  }
  return open.st_dev == named.st_dev && open.st_ino == named.st_ino ? Stands::there
                                                                    : Stands::elsewhere;
}

Unexpected in_use(const std::filesystem::path& directory) {
  const auto file = open_file(directory / lock_name, O_RDONLY);
  const auto pid = file.is_open() ? read_at(file, pid_bytes_max, 0).value_or("") : "";
  return fail(ErrorCode::conflict, fmt::format("{} is open in {}", directory.string(),
                                               pid.empty() ? "another process" : "process " + pid));
}

/// Whether flock failed because the file system has no such locks for directories.
bool knows_no_directory_locks(int error) {
  return error == EBADF || error == EINVAL || error == ENOTSUP || error == ENOLCK ||
         error == ENOSYS;
}

/// The lock file below `root`; messages name the directory.
Result<File> take_file(const std::filesystem::path& directory, const std::filesystem::path& root,
                       int flags) {
  const auto path = root / lock_name;
  File file = open_file(path, flags);
  if (!file.is_open()) return fail_errno("open", path);
  if (::flock(file.descriptor(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return in_use(directory);
    return fail_errno("lock", path);
  }
  return file;
}

std::filesystem::path by_descriptor(const File& directory, const std::filesystem::path& path) {
  auto root = descriptors_of_process / std::to_string(directory.descriptor());
  return stands(directory, root) == Stands::there ? root : path;
}

/// Whoever finds the lock taken reads the pid, so it is replaced under the lock.
Result<void> write_pid(const std::filesystem::path& directory, const File& file) {
  if (::ftruncate(file.descriptor(), 0) == 0 && write_at(file, std::to_string(::getpid()), 0)) {
    return {};
  }
  return fail_errno("write", directory / lock_name);
}

}  // namespace

DirectoryLock::DirectoryLock(std::filesystem::path path, File directory, Access access)
    : access_(access),
      path_(std::move(path)),
      directory_(std::move(directory)),
      root_(by_descriptor(directory_, path_)) {}

Result<DirectoryLock> DirectoryLock::take(std::filesystem::path path, Access access) {
  File directory = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!directory.is_open()) return fail_errno("open", path);
  if (::flock(directory.descriptor(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return in_use(path);
    if (!knows_no_directory_locks(errno)) return fail_errno("lock", path);
  }
  DirectoryLock lock{std::move(path), std::move(directory), access};
  if (access == Access::observe) {
    std::error_code ignored;
    if (!std::filesystem::exists(lock.root_ / lock_name, ignored)) return lock;
    PERDURE_TRY(file, take_file(lock.path_, lock.root_, O_RDONLY));
    lock.file_ = std::move(file);
    return lock;
  }
  PERDURE_TRY(file, take_file(lock.path_, lock.root_, O_RDWR | O_CREAT));
  PERDURE_TRY_VOID(write_pid(lock.root_, file));
  lock.file_ = std::move(file);
  return lock;
}

Look DirectoryLock::look_for(const std::string& name) const {
  std::error_code error;
  if (std::filesystem::exists(root_ / name, error) || error) return {};
  return {Look::Found::displaced,
          fmt::format("{} has lost its file {}; {}", path_.string(), name, what_to_do)};
}

Look DirectoryLock::look() {
  const auto displaced = [this](std::string_view what) {
    return Look{Look::Found::displaced, fmt::format("{} {}; {}", path_.string(), what, what_to_do)};
  };
  switch (stands(directory_, path_)) {
    case Stands::there: break;
    case Stands::elsewhere: return displaced("is another directory than the one that was opened");
    case Stands::nowhere: return displaced("was removed or moved");
    case Stands::unknown:
      return {Look::Found::unknown, fmt::format("{} cannot be looked at", path_.string())};
  }
  for (const auto name : needed_files) {
    if (auto looked = look_for(std::string{name}); looked.found != Look::Found::in_place) {
      return looked;
    }
  }
  switch (stands(file_, path_ / lock_name)) {
    case Stands::there:
    case Stands::unknown: return {};
    case Stands::elsewhere: return displaced("has another lock file: somebody else had it open");
    case Stands::nowhere: break;
  }
  auto file = take_file(path_, root_, O_RDWR | O_CREAT | O_EXCL);
  if (!file || !write_pid(root_, *file)) {
    return displaced("has lost its lock file, which cannot be put back");
  }
  file_ = std::move(*file);
  return {};
}

}  // namespace perdure::storage
