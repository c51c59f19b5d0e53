// SPDX-License-Identifier: Apache-2.0
#include "stream_writer.hpp"

#include <fmt/format.h>

#include <deque>

#include "perdure/base/watched_mutex.hpp"

namespace perdure::runtime {

namespace {

using Done = std::function<void(Result<void>)>;

/// What a writer shares with its changes on their way, which may outlive it.
class Quill : public std::enable_shared_from_this<Quill> {
 public:
  Quill(Intake& intake, ObjectId object, std::string stream, StreamAttempt attempt)
      : intake_(intake),
        object_(std::move(object)),
        stream_(std::move(stream)),
        attempt_(std::move(attempt)) {}

  Result<void> append(std::string text) {
    if (text.size() > limits::stream_delta_bytes_max) {
      return fail(ErrorCode::too_large, fmt::format("a delta has {} bytes, and may have {}",
                                                    text.size(), limits::stream_delta_bytes_max));
    }
    StreamChangePtr change;
    {
      const std::scoped_lock lock{mutex_};
      PERDURE_TRY_VOID(check_open());
      const auto bytes = text.size() + delta_cost;
      if (waiting_bytes_ + bytes > limits::stream_writer_bytes_max) {
        Error error{.code = ErrorCode::overloaded,
                    .detail = "what was appended to stream " + stream_ + " waits for the disk"};
        error.retry_after = std::chrono::seconds{1};
        return fail(std::move(error));
      }
      waiting_bytes_ += bytes;
      ++given_;
      waiting_.push_back(std::move(text));
      change = next_change();
    }
    send(std::move(change));
    return {};
  }

  Result<void> end(StreamEnd how, std::string note) {
    if (note.size() > limits::stream_note_bytes_max) {
      return fail(ErrorCode::too_large, fmt::format("the note of an end has at most {} bytes",
                                                    limits::stream_note_bytes_max));
    }
    StreamChangePtr change;
    {
      const std::scoped_lock lock{mutex_};
      PERDURE_TRY_VOID(check_open());
      end_ = how;
      note_ = std::move(note);
      ++given_;
      change = next_change();
    }
    send(std::move(change));
    return {};
  }

  void flush(Done done) {
    std::optional<Error> broken;
    {
      const std::scoped_lock lock{mutex_};
      broken = broken_;
      if (!broken && written_ < given_) {
        flushes_.push_back({given_, std::move(done)});
        return;
      }
    }
    done(broken ? Result<void>{fail(std::move(*broken))} : Result<void>{});
  }

  void begin() {
    StreamChangePtr change;
    {
      const std::scoped_lock lock{mutex_};
      ++given_;
      begins_ = true;
      change = next_change();
    }
    send(std::move(change));
  }

  [[nodiscard]] std::uint64_t attempt() const { return attempt_.number; }

 private:
  /// What a delta takes beside its text while it waits.
  static constexpr std::size_t delta_cost = sizeof(std::string);

  struct Flush {
    std::uint64_t given;
    Done done;
  };

  /// Under the lock.
  Result<void> check_open() const {
    if (broken_) return fail(*broken_);
    if (!end_) return {};
    return fail(ErrorCode::conflict,
                fmt::format("attempt {} at stream {} was ended", attempt_.number, stream_));
  }

  /// What goes next; null: nothing, or something is on its way. Under the lock.
  StreamChangePtr next_change() {
    if (is_on_its_way_ || broken_ || on_its_way_ == given_) return nullptr;
    auto change =
        std::make_shared<StreamChange>(StreamChange{.name = stream_, .attempt = attempt_.number});
    change->begins = std::exchange(begins_, false);
    if (change->begins) ++on_its_way_;
    std::size_t bytes = 0;
    while (!waiting_.empty() && bytes < change_bytes_max &&
           change->deltas.size() < change_deltas_max) {
      bytes += waiting_.front().size() + delta_cost;
      change->deltas.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
      ++on_its_way_;
    }
    bytes_on_their_way_ = bytes;
    if (waiting_.empty() && end_) {
      change->end = end_;
      change->note = note_;
      ++on_its_way_;
    }
    is_on_its_way_ = true;
    return change;
  }

  /// Shape: no lock is held.
  void send(StreamChangePtr change) {
    if (!change) return;
    intake_.stream({.target = object_, .principal = attempt_.principal, .life = attempt_.life},
                   std::move(change),
                   [self = shared_from_this()](Result<Reply> reply) { self->settle(reply); });
  }

  void settle(const Result<Reply>& reply) {
    std::vector<Done> done;
    StreamChangePtr change;
    {
      const std::scoped_lock lock{mutex_};
      is_on_its_way_ = false;
      waiting_bytes_ -= std::exchange(bytes_on_their_way_, 0);
      if (reply) {
        written_ = on_its_way_;
      } else {
        broken_ = reply.error();
        waiting_.clear();
        waiting_bytes_ = 0;
      }
      while (!flushes_.empty() && (broken_ || flushes_.front().given <= written_)) {
        done.push_back(std::move(flushes_.front().done));
        flushes_.pop_front();
      }
      change = next_change();
    }
    send(std::move(change));
    for (const auto& tell : done) {
      tell(reply ? Result<void>{} : Result<void>{fail(reply.error())});
    }
  }

  Intake& intake_;
  const ObjectId object_;
  const std::string stream_;
  const StreamAttempt attempt_;

  WatchedMutex mutex_;  // guards the rest
  std::deque<std::string> waiting_;
  std::size_t waiting_bytes_ = 0;  ///< of those on their way, too
  std::size_t bytes_on_their_way_ = 0;
  bool begins_ = false;
  std::optional<StreamEnd> end_;
  std::string note_;
  std::optional<Error> broken_;
  bool is_on_its_way_ = false;
  // Counts of what was given: the beginning, deltas, the end.
  std::uint64_t given_ = 0;
  std::uint64_t on_its_way_ = 0;  ///< or written
  std::uint64_t written_ = 0;
  std::deque<Flush> flushes_;
};

class Writer final : public StreamWriter {
 public:
  explicit Writer(std::shared_ptr<Quill> quill) : quill_(std::move(quill)) {}
  ~Writer() override { static_cast<void>(quill_->end(StreamEnd::cut, {})); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  Result<void> append(std::string text) override { return quill_->append(std::move(text)); }
  Result<void> end(StreamEnd how, std::string note) override {
    return quill_->end(how, std::move(note));
  }
  void flush(Done done) override { quill_->flush(std::move(done)); }
  [[nodiscard]] std::uint64_t attempt() const override { return quill_->attempt(); }

 private:
  const std::shared_ptr<Quill> quill_;
};

}  // namespace

std::unique_ptr<StreamWriter> open_writer(Intake& intake, const ObjectId& object,
                                          std::string stream, StreamAttempt attempt) {
  auto quill = std::make_shared<Quill>(intake, object, std::move(stream), std::move(attempt));
  quill->begin();
  return std::make_unique<Writer>(std::move(quill));
}

}  // namespace perdure::runtime
