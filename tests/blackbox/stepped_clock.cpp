// SPDX-License-Identifier: Apache-2.0
// A library to be preloaded into the server: its wall clock is off by what another process says,
// and changes at once when that one changes its mind. The monotonic clocks go on.
//
// STEPPED_CLOCK names a file with one 64-bit number in the machine's byte order, which both map:
// milliseconds, to be added.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

using Offset = std::atomic<std::int64_t>;
static_assert(sizeof(Offset) == 8 && Offset::is_always_lock_free);

Offset* map_offset() {
  const char* name = std::getenv("STEPPED_CLOCK");
  const int file =
      name == nullptr ? -1 : ::open(name, O_RDONLY | O_CLOEXEC);  // NOLINT: C interface
  if (file < 0) return nullptr;
  void* memory = ::mmap(nullptr, sizeof(Offset), PROT_READ, MAP_SHARED, file, 0);
  ::close(file);
  return memory == MAP_FAILED ? nullptr : static_cast<Offset*>(memory);
}

using GetTime = int (*)(clockid_t, timespec*);

}  // namespace

// What std::chrono::system_clock calls.
extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  static const auto real =
      reinterpret_cast<GetTime>(::dlsym(RTLD_NEXT, "clock_gettime"));  // NOLINT: as POSIX has it
  static Offset* const offset = map_offset();
  const int result = real(clock, time);
  if (result != 0 || clock != CLOCK_REALTIME || offset == nullptr) return result;
  constexpr std::int64_t second_ns = 1'000'000'000;
  const auto ms = offset->load();
  auto nanoseconds = time->tv_nsec + ms % 1'000 * 1'000'000;
  time->tv_sec += ms / 1'000;
  if (nanoseconds < 0) {
    nanoseconds += second_ns;
    --time->tv_sec;
  }
  time->tv_sec += nanoseconds / second_ns;
  time->tv_nsec = nanoseconds % second_ns;
  return result;
}
