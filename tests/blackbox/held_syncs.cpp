// SPDX-License-Identifier: Apache-2.0
// A library to be preloaded into the server: holds back or fails each sync of its write-ahead log,
// as a slow or broken disk would, on the word of another process.
//
// HELD_SYNCS names a file of four 32-bit numbers in the machine's byte order, which both map:
//   0  what to do, written by the test: 0 let syncs pass, 1 hold them, 2 fail them
//   1  how many syncs are held now
//   2  how many have passed
//   3  how many have failed
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

struct Control {
  std::atomic<std::uint32_t> mode;
  std::atomic<std::uint32_t> held;
  std::atomic<std::uint32_t> passed;
  std::atomic<std::uint32_t> failed;
};
static_assert(sizeof(Control) == 16 && std::atomic<std::uint32_t>::is_always_lock_free);

enum Mode : std::uint32_t { pass, hold, fail };

Control* map_control() {
  const char* name = std::getenv("HELD_SYNCS");
  const int file = name == nullptr ? -1 : ::open(name, O_RDWR | O_CLOEXEC);  // NOLINT: C interface
  if (file < 0) return nullptr;
  void* memory = ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  return memory == MAP_FAILED ? nullptr : static_cast<Control*>(memory);
}

bool is_log(int descriptor) {
  std::array<char, 4096> name{};
  const auto link = "/proc/self/fd/" + std::to_string(descriptor);
  const auto size = ::readlink(link.c_str(), name.data(), name.size());
  return size > 0 &&
         std::string_view{name.data(), static_cast<std::size_t>(size)}.ends_with(".log");
}

using Sync = int (*)(int);

int sync_with(Sync real, int descriptor) {
  static Control* const control = map_control();
  if (control == nullptr || !is_log(descriptor)) return real(descriptor);
  if (control->mode == hold) {
    ++control->held;
    while (control->mode == hold) ::usleep(500);
    --control->held;
  }
  if (control->mode == fail) {
    ++control->failed;
    errno = EIO;
    return -1;
  }
  ++control->passed;
  return real(descriptor);
}

Sync next(const char* name) {
  return reinterpret_cast<Sync>(::dlsym(RTLD_NEXT, name));  // NOLINT: as POSIX has it
}

}  // namespace

// The names that the server calls.
extern "C" int fdatasync(int descriptor) {
  static const Sync real = next("fdatasync");
  return sync_with(real, descriptor);
}
extern "C" int fsync(int descriptor) {
  static const Sync real = next("fsync");
  return sync_with(real, descriptor);
}
