// SPDX-License-Identifier: Apache-2.0
// Work in a child process, so that what ends the process (an assertion of RocksDB on a broken file)
// ends one case and not the test.
#pragma once

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <string>

#include "perdure/base/check.hpp"

namespace perdure::storage {

struct ChildEnd {
  bool exited = false;  ///< false: by a signal
  std::string said;     ///< what `work` returned, or noted last
};

/// Notes of a child that its parent sees, also if it dies. At most 4,000 bytes.
class ChildNotes {
 public:
  ChildNotes()
      : text_(static_cast<char*>(
            ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
    PERDURE_CHECK(static_cast<void*>(text_) != MAP_FAILED, "memory can be shared");
  }
  ~ChildNotes() { ::munmap(text_, bytes); }
  ChildNotes(const ChildNotes&) = delete;
  ChildNotes& operator=(const ChildNotes&) = delete;
  void set(const std::string& text) { std::strncpy(text_, text.c_str(), bytes - 1); }
  [[nodiscard]] std::string get() const { return text_; }

 private:
  static constexpr std::size_t bytes = 4096;
  char* const text_;
};

/// Runs `work` in a fork of this process and waits for its end. No other thread may run here, so
/// this process must never have opened RocksDB, which starts some.
inline ChildEnd in_child(const std::function<std::string(ChildNotes&)>& work) {
  ChildNotes notes;
  const pid_t child = ::fork();
  PERDURE_CHECK(child >= 0, "a process can be forked");
  if (child == 0) {
    ::close(STDERR_FILENO);  // an assertion's text is not this test's
    ::alarm(120);            // and a child that hangs is one that failed
    notes.set(work(notes));
    ::_exit(0);
  }
  int status = 0;
  PERDURE_CHECK(::waitpid(child, &status, 0) == child, "the child can be waited for");
  return {.exited = WIFEXITED(status), .said = notes.get()};
}

}  // namespace perdure::storage
