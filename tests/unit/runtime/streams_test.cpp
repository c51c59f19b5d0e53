// SPDX-License-Identifier: Apache-2.0
// Streams of objects: their rows, and what writers and readers see of them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "perdure/testing/world.hpp"
#include "stream_rows.hpp"
#include "streams_fixture.hpp"

namespace perdure {
namespace {

using perdure::testing::World;

// ------------------------------------------------------------------------------------ rows alone

/// The rows of one stream, as a store would have them.
class Rows {
 public:
  Result<void> write(const runtime::StreamChange& change) {
    auto step = runtime::write_stream(one, tail_, change, {.now = Timestamp{}, .mark = 7});
    if (!step) return fail(std::move(step).error());
    for (const auto& row : step->rows) {
      log_bytes_ += row.key.size() + row.value.size() + row_overhead;
      if (row.index != runtime::index_names::stream) continue;
      if (row.op == storage::IndexChange::Op::put) {
        rows_[row.key] = row.value;
      } else {
        rows_.erase(row.key);
      }
    }
    log_bytes_ += commit_overhead;
    tail_ = std::move(step->tail);
    most_ = std::max(most_, rows_.size());
    return {};
  }
  [[nodiscard]] std::size_t most() const { return most_; }
  [[nodiscard]] std::size_t log_bytes() const { return log_bytes_; }

 private:
  // Kind, index, id and lengths in the key; the batch's head, and the row that numbers commits.
  static constexpr std::size_t row_overhead = 60;
  static constexpr std::size_t commit_overhead = 80;

  runtime::StreamTail tail_;
  std::map<std::string, std::string> rows_;
  std::size_t most_ = 0;
  std::size_t log_bytes_ = 0;
};

TEST(StreamRows, of_four_thousand_tokens_are_at_most_forty_however_they_come) {
  for (const std::size_t at_once : {1U, 3U, 64U, 4'000U}) {
    Rows rows;
    ASSERT_TRUE(rows.write({.name = "answer", .attempt = 1, .begins = true}));
    for (std::size_t token = 0; token < 4'000; token += at_once) {
      runtime::StreamChange change{.name = "answer", .attempt = 1};
      change.deltas.assign(std::min(at_once, 4'000 - token), " word");
      ASSERT_TRUE(rows.write(change));
    }
    ASSERT_TRUE(rows.write({.name = "answer", .attempt = 1, .end = StreamEnd::done}));
    EXPECT_LE(rows.most(), 40U) << at_once;
    EXPECT_LE(rows.log_bytes(), 1U << 20U) << at_once;
  }
}

TEST(StreamRows, past_the_bound_of_a_stream_are_refused) {
  Rows rows;
  ASSERT_TRUE(rows.write({.name = "answer", .attempt = 1, .begins = true}));
  const runtime::StreamChange change{
      .name = "answer", .attempt = 1, .deltas = {std::string(60'000, 'x')}};
  Result<void> written;
  std::size_t taken = 0;
  while ((written = rows.write(change))) ++taken;
  EXPECT_EQ(written.error().code, ErrorCode::too_large);
  EXPECT_EQ(taken, limits::stream_bytes_max / 60'030);
}

// -------------------------------------------------------------------------------- in one world

class StreamsInWorld : public ::testing::Test {
 protected:
  std::unique_ptr<StreamWriter> write(std::uint64_t attempt) {
    auto writer = world_.runtime().streams().write(one, "answer", {.number = attempt});
    EXPECT_TRUE(writer);
    return std::move(*writer);
  }
  std::unique_ptr<StreamReader> follow(StreamCursor after = {}, Principal who = {}) {
    auto reader = world_.runtime().streams().follow(one, "answer", after, std::move(who),
                                                    [this] { ++woken_; });
    EXPECT_TRUE(reader) << to_string(reader.error());
    return std::move(*reader);
  }
  std::string read(StreamReader& reader) {
    std::string text;
    for (;;) {
      const auto items = reader.read();
      if (!items) return text + to_string(items.error());
      if (items->empty()) return text;
      text += text_of(*items);
    }
  }
  /// What became of all that the writer was given.
  Result<void> flush(StreamWriter& writer) {
    std::optional<Result<void>> flushed;
    writer.flush([&](Result<void> how) { flushed = std::move(how); });
    EXPECT_TRUE(world_.wait_until([&] { return flushed.has_value(); }));
    return *flushed;
  }

  World world_{1, {run_kind()}};
  int woken_ = 0;
};

TEST_F(StreamsInWorld, are_shown_only_when_durable_and_wake_who_waits_once) {
  ASSERT_TRUE(world_.call("run/one", "start"));
  const auto reader = follow();
  EXPECT_EQ(read(*reader), "");
  const auto writer = write(1);
  ASSERT_TRUE(writer->append("Once"));
  ASSERT_TRUE(writer->append(" upon"));
  world_.run_actors();
  EXPECT_EQ(read(*reader), "") << "before a commit";
  EXPECT_EQ(woken_, 0);
  world_.settle();
  EXPECT_EQ(woken_, 1);
  EXPECT_EQ(read(*reader), "[1]Once upon");
  ASSERT_TRUE(writer->end(StreamEnd::done));
  world_.settle();
  EXPECT_EQ(read(*reader), "<done>");
  EXPECT_EQ(read(*follow({.offset = 2})), " upon<done>");
  world_.check_invariants();
}

TEST_F(StreamsInWorld, let_a_later_attempt_shut_out_the_earlier_one_by_name) {
  ASSERT_TRUE(world_.call("run/one", "start"));
  const auto first = write(1);
  ASSERT_TRUE(first->append("stale"));
  ASSERT_TRUE(flush(*first));
  const auto second = write(2);
  ASSERT_TRUE(flush(*second));
  ASSERT_TRUE(first->append("too late"));
  const auto refused = flush(*first);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_EQ(refused.error().fields.at(0).code, "stale_attempt");
  EXPECT_FALSE(first->append("for good"));
  const auto again = write(2);
  EXPECT_EQ(flush(*again).error().fields.at(0).code, "stale_attempt");
  ASSERT_TRUE(second->append("anew"));
  ASSERT_TRUE(second->end(StreamEnd::failed));
  ASSERT_TRUE(flush(*second));
  EXPECT_EQ(read(*follow()), "[1]stale[2]anew<failed>");
  const auto third = write(3);
  EXPECT_EQ(flush(*third).error().fields.at(0).code, "stream_ended");
  world_.check_invariants();
}

TEST_F(StreamsInWorld, of_a_writer_that_goes_without_a_word_are_cut_and_go_on) {
  ASSERT_TRUE(world_.call("run/one", "start"));
  {
    const auto writer = write(1);
    ASSERT_TRUE(writer->append("half"));
  }
  world_.settle();
  const auto reader = follow();
  EXPECT_EQ(read(*reader), "[1]half<cut>");
  const auto writer = write(2);
  ASSERT_TRUE(writer->append("whole"));
  ASSERT_TRUE(flush(*writer));
  EXPECT_EQ(read(*reader), "[2]whole");
}

TEST_F(StreamsInWorld, change_with_a_turn_or_not_at_all) {
  ASSERT_TRUE(world_.call("run/one", "say", "a"));
  EXPECT_FALSE(world_.call("run/one", "say_and_fail"));
  ASSERT_TRUE(world_.call("run/one", "say", "b"));
  ASSERT_TRUE(world_.call("run/one", "finish", "ab"));
  EXPECT_EQ(read(*follow()), "[1]ab<done>");
  EXPECT_EQ(world_.state("run/one")->at("transcript"), "ab");
  const auto reader = follow();
  ASSERT_TRUE(world_.call("run/one", "forget"));
  EXPECT_EQ(reader->read().error().code, ErrorCode::gone);
  EXPECT_TRUE(world_.runtime().streams().list(one, {})->empty());
  world_.check_invariants();
}

TEST_F(StreamsInWorld, of_a_writer_make_no_record_and_no_seq) {
  ASSERT_TRUE(world_.call("run/one", "start"));
  const auto writer = write(1);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(writer->append("x"));
    ASSERT_TRUE(flush(*writer));
  }
  EXPECT_EQ(world_.runtime().inspect(one)->meta.seq, 1U);
}

TEST_F(StreamsInWorld, end_for_who_may_not_read_the_object_any_more) {
  const Principal ann{.role = Principal::Role::user, .user_id = "ann"};
  const Principal bob{.role = Principal::Role::user, .user_id = "bob"};
  ASSERT_TRUE(world_.call({.target = one, .name = "start", .principal = ann}));
  EXPECT_EQ(world_.runtime().streams().follow(one, "answer", {}, bob, [] {}).error().code,
            ErrorCode::not_found);
  const Json grant{{"grantee", {{"user_id", "bob"}}}, {"role", "viewer"}};
  ASSERT_TRUE(world_.call({.target = one, .name = "$share", .payload = grant, .principal = ann}));
  const auto of_bob = follow({}, bob);
  const auto of_ann = follow({}, ann);
  EXPECT_EQ(read(*of_bob), "");
  ASSERT_TRUE(world_.call({.target = one, .name = "$unshare", .payload = grant, .principal = ann}));
  EXPECT_EQ(woken_, 1);
  EXPECT_EQ(of_bob->read().error().code, ErrorCode::not_found);
  EXPECT_TRUE(of_ann->read());
  auto by_bob = world_.runtime().streams().write(one, "answer", {.number = 1, .principal = bob});
  EXPECT_EQ(flush(**by_bob).error().code, ErrorCode::not_found);
}

TEST_F(StreamsInWorld, go_with_the_life_of_their_object) {
  ASSERT_TRUE(world_.call("run/one", "start"));
  const auto writer = write(1);
  ASSERT_TRUE(writer->append(std::string(20'000, 'x')));
  ASSERT_TRUE(writer->end(StreamEnd::done));
  ASSERT_TRUE(flush(*writer));
  ASSERT_TRUE(world_.call({.target = one, .name = "say", .payload = "more"}).error().code ==
              ErrorCode::conflict);
  const auto reader = follow();
  EXPECT_EQ(read(*reader).size(), 20'009U);
  ASSERT_TRUE(world_.call("run/one", "$remove"));
  EXPECT_EQ(reader->read().error().code, ErrorCode::not_found);
  ASSERT_TRUE(world_.call("run/one", "$undelete"));
  EXPECT_EQ(read(*follow()).size(), 20'009U) << "it comes back with its object";
  ASSERT_TRUE(world_.call("run/one", "$remove"));
  ASSERT_TRUE(world_.call("run/one", "$create"));
  EXPECT_EQ(read(*follow()), "");
  world_.check_invariants();
  const auto another = write(1);
  ASSERT_TRUE(another->append(std::string(20'000, 'y')));
  world_.run_actors();  // it is on its way to the disk when the past ends
  ASSERT_TRUE(world_.call("run/one", "$remove"));
  ASSERT_TRUE(world_.call("run/one", "$purge"));
  world_.check_invariants();
  ASSERT_TRUE(world_.call("run/one", "$create"));
  EXPECT_TRUE(world_.runtime().streams().list(one, {})->empty());
}

TEST_F(StreamsInWorld, that_have_ended_are_kept_for_a_day) {
  ASSERT_TRUE(world_.call("run/one", "say", "a"));
  ASSERT_TRUE(world_.call("run/one", "finish", "a"));
  ASSERT_TRUE(world_.call("run/two", "say", "b"));
  world_.advance(std::chrono::hours{23});
  EXPECT_EQ(read(*follow()), "[1]a<done>");
  world_.advance(std::chrono::hours{2});
  EXPECT_EQ(read(*follow()), "");
  EXPECT_EQ(world_.runtime().streams().list({"run", "two"}, {})->size(), 1U) << "it is open";
  world_.check_invariants();
}

TEST_F(StreamsInWorld, know_a_cursor_of_another_stream) {
  ASSERT_TRUE(world_.call("run/one", "say", "a"));
  const auto reader = follow();
  EXPECT_EQ(read(*reader), "[1]a");
  const auto cursor = StreamCursor::parse(reader->cursor().text());
  ASSERT_TRUE(cursor);
  EXPECT_EQ(read(*follow(*cursor)), "");
  ASSERT_TRUE(world_.call("run/one", "forget"));
  const auto resume = [&] {
    return world_.runtime().streams().follow(one, "answer", *cursor, {}, [] {});
  };
  EXPECT_EQ(resume().error().code, ErrorCode::gone) << "there is none";
  ASSERT_TRUE(world_.call("run/one", "say", "b"));
  ASSERT_TRUE(world_.call("run/one", "say", "c"));
  EXPECT_EQ(resume().error().code, ErrorCode::gone) << "it is another one";
  EXPECT_EQ(StreamCursor::parse("1.zz").error().code, ErrorCode::invalid);
}

TEST_F(StreamsInWorld, take_no_more_of_a_writer_than_may_wait) {
  ASSERT_TRUE(world_.call("run/one", "start"));
  const auto writer = write(1);
  const std::string text(60'000, 'x');
  std::size_t taken = 0;
  Result<void> appended;
  while ((appended = writer->append(text))) ++taken;
  EXPECT_EQ(appended.error().code, ErrorCode::overloaded);
  EXPECT_GE(taken * text.size(), limits::stream_writer_bytes_max * 9 / 10);
  EXPECT_LE(taken * text.size(), limits::stream_writer_bytes_max);
  ASSERT_TRUE(flush(*writer));
  EXPECT_TRUE(writer->append(text)) << "it goes on when there is room";
  EXPECT_EQ(writer->append(std::string(70'000, 'x')).error().code, ErrorCode::too_large);
}

TEST_F(StreamsInWorld, hold_what_a_slow_reader_has_not_read_in_the_store) {
  ASSERT_TRUE(world_.call("run/one", "start"));
  const auto slow = follow();
  const auto quick = follow();
  EXPECT_EQ(read(*quick), "");
  const auto writer = write(1);
  std::string said = "[1]";
  std::string heard;
  for (int i = 0; i < 200; ++i) {
    const auto text = std::string(1'000, static_cast<char>('a' + i % 26));
    said += text;
    ASSERT_TRUE(writer->append(text));
    ASSERT_TRUE(flush(*writer));
    heard += read(*quick);
    EXPECT_EQ(heard, said);
  }
  EXPECT_EQ(read(*slow), said);
  world_.check_invariants();
}

}  // namespace
}  // namespace perdure
