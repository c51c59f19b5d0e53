// SPDX-License-Identifier: Apache-2.0
// JobLine: who waits in a queue, and who gets the next place. Part of the kind job_queue.
//
// Turns are taken by *turn keys*: today the owners of the jobs. A key has one record, its stays in
// the order of priority and arrival, and a row in the line of each type that it waits for. Entries:
//
//   turns/<key>                                    what the key has waiting and running
//   stays/<key>/<type>/<falling priority>/<number>   a stay that waits
//   line/<type>/<none|some>/<running>/<served>/<key>   a key that waits for a type, by whether it
//                                                  has some of that type running
//
// The first row of a line is the key with the fewest places, and of several such keys the one that
// got its last place, or came, longest ago. So the next stay is found by two short walks for each
// type and one for the key, however many stays and keys there are.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "job_messages.hpp"
#include "perdure/runtime/entries.hpp"

namespace perdure::actors {

/// What of the line is in the queue's root.
struct JobLineState {
  std::uint64_t next = 1;     ///< number of the next stay
  std::uint64_t moments = 0;  ///< arrivals of keys and places given, so far
  std::int64_t waiting = 0;   ///< keys that have something waiting
};
void to_json(Json& json, const JobLineState& state);
void from_json(const Json& json, JobLineState& state);

/// Threads, Lifetime  those of the turn whose entries and state it borrows.
class JobLine {
 public:
  JobLine(Entries& entries, JobLineState& state) : entries_(entries), state_(state) {}

  /// A type that a place can be given to now.
  struct Room {
    std::string type;
    bool is_reserved;  ///< only for keys that have none of that type running
  };
  /// The queue's places, as the rule of JobOptions needs them.
  struct Places {
    const JobOptions& rules;
    std::size_t all;
    std::size_t free;
  };

  /// Adds a stay behind those of its key that have its priority. Gives the key of its entry.
  std::string add(const JobStay& stay);
  /// The stay that gets the next place; none when nobody may have it.
  [[nodiscard]] std::optional<Entry> next(const std::vector<Room>& rooms,
                                          const Places& places) const;
  /// The stay of this entry, which waits, has got a place.
  void take(const JobStay& stay, const std::string& entry);
  /// The stay of this entry waits no more, and has got no place.
  void leave(const JobStay& stay, const std::string& entry);
  /// A place of the stay's key is free.
  void release(const JobStay& stay);

  // ---- for queues that were written before there were turns

  /// Says how many places a key has.
  void set_running(const std::string& key, const std::string& type, std::int64_t running);
  /// Adds a stay that has its number and priority already, as the end of its entry's key.
  std::string add_at(const JobStay& stay, const std::string& order);

 private:
  /// The stays of one priority that wait. None of them has a lower number than `from`: a walk to
  /// the first one steps over nothing that was taken.
  struct Rank {
    std::int64_t count = 0;
    std::uint64_t from = 0;
  };
  struct Record {
    std::uint64_t served = 0;
    std::map<std::string, std::int64_t> running;
    std::map<std::string, std::map<int, Rank>> waiting;  ///< by type and priority

    [[nodiscard]] std::int64_t running_in_all() const;
  };

  [[nodiscard]] static Record decode(const Json& json);
  [[nodiscard]] static Json encode(const Record& record);
  [[nodiscard]] static std::vector<std::string> rows_of(const Record& record,
                                                        const std::string& key);
  [[nodiscard]] std::optional<Record> find(const std::string& key) const;
  /// Changes a key's record, and its rows in the lines.
  template <class F>
  void change(const std::string& key, F&& change);
  /// The place of the best key in the lines, `<running>/<served>/<key>`.
  [[nodiscard]] std::optional<std::string> first(const std::vector<Room>& rooms,
                                                 const Places& places) const;
  [[nodiscard]] std::optional<Entry> best_of(const std::string& key, const Record& record,
                                             const std::vector<Room>& rooms) const;
  [[nodiscard]] std::optional<Entry> first_of(const std::string& key, const std::string& type,
                                              const std::map<int, Rank>& ranks) const;

  Entries& entries_;
  JobLineState& state_;
};

}  // namespace perdure::actors
