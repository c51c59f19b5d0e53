// SPDX-License-Identifier: Apache-2.0
// DirectAnswers: a thread may send the answers that it gives itself.
#pragma once

namespace perdure::http {

/// While one lives, an answer that the thread which made it gives leaves the server within
/// Responder::send, without a way back to the connection's io thread: that spares the wake-up of
/// the io thread, and shares the cost of sending between the two. It neither blocks nor waits for
/// anyone, and costs what `sendmsg` does, some microseconds. What cannot leave so goes by the io
/// thread, as without it: bodies of more than a KiB, TLS, streams and WebSockets, requests behind
/// which the client has sent more already, and the rest of an answer that the socket does not take
/// at once.
///
/// For a thread that gives most of a server's answers and has time left for it: the runtime's
/// committer beside a single io thread (`threads.direct_answers`). Services::on_finished is called
/// on it, too.
///
/// Threads  may be nested; belongs to the thread that made it.
class DirectAnswers {
 public:
  DirectAnswers() noexcept;
  ~DirectAnswers();
  DirectAnswers(const DirectAnswers&) = delete;
  DirectAnswers& operator=(const DirectAnswers&) = delete;

  /// Whether one lives on this thread.
  [[nodiscard]] static bool here() noexcept;
};

}  // namespace perdure::http
