// SPDX-License-Identifier: Apache-2.0
// TurnContext: the Turn that a handler sees, which collects what it asks for.
#pragma once

#include <map>
#include <optional>

#include "alarm_dues.hpp"
#include "alarm_rows.hpp"
#include "envelope.hpp"
#include "outbox_item.hpp"
#include "overlay.hpp"
#include "perdure/runtime/options.hpp"
#include "turn_random.hpp"
#include "version.hpp"

namespace perdure::runtime {

struct TurnSurroundings;

struct PublishedEvent {
  std::string topic;
  Json data;
  std::optional<Owner> also_to = {};  ///< who may read it beside the owner and the grantees
};

struct ClaimName {
  std::string space;
  std::string key;
  auto operator<=>(const ClaimName&) const = default;
};

/// What a turn asked for beside its new state.
struct TurnRequests {
  PendingEntries entries;
  std::int64_t entry_bytes = 0;  ///< what they add to the object's entries, or take from them
  std::vector<PublishedEvent> events;
  std::vector<ClaimName> claims;
  std::vector<ClaimName> releases;
  AlarmChanges alarms;
  std::vector<Sent> sends;
  std::vector<StreamChange> streams;  ///< in the order in which they were asked for
  bool upkeep = false;                ///< nothing that clients see has changed
  bool nothing = false;  ///< the turn changes nothing; whatever stands above is dropped
};

/// What a turn may write at most.
struct TurnLimits {
  std::size_t entries_max = limits::turn_entries_max;
  std::size_t bytes_max = limits::turn_bytes_max;
};

/// Throws Failure where a limit or an argument's rule is broken.
class TurnContext final : public Turn, private Entries {
 public:
  /// `meta` is the object before the turn, `born_seq` that of the life it is in.
  TurnContext(const Envelope& envelope, const ObjectMeta& meta, Seq born_seq,
              const TurnSurroundings& around, TurnLimits turn_limits);

  [[nodiscard]] const ObjectMeta& meta() const override { return meta_; }
  [[nodiscard]] Timestamp now() const override { return now_.wall; }
  [[nodiscard]] Timestamp steady_now() const override { return now_.steady; }
  [[nodiscard]] Random& random() override;
  [[nodiscard]] const Principal& principal() const override { return envelope_.call.principal; }
  [[nodiscard]] Entries& entries() override { return *this; }
  void each_changed(std::string_view prefix, const ChangedEntryReader& read) const override;
  /// An alarm as it is to stand, with its runs and attempts.
  void keep_alarm(Alarm alarm);
  void publish(std::string topic, Json data) override;
  void claim(std::string space, std::string key) override;
  void release(std::string space, std::string key) override;
  void set_alarm(AlarmSpec alarm) override;
  bool cancel_alarm(std::string_view name) override;
  [[nodiscard]] std::optional<Alarm> alarm(std::string_view name) const override;
  void send(Message message) override;
  std::string request(EffectRequest effect) override;
  void cancel(std::string effect_id) override;
  void append(std::string stream, std::string text) override;
  void end_stream(std::string stream, StreamEnd how, std::string note) override;
  void drop_stream(std::string stream) override;
  void change_nothing() override { requests_.nothing = true; }
  void keep_up() override { requests_.upkeep = true; }

  [[nodiscard]] TurnRequests& requests() { return requests_; }

 private:
  [[nodiscard]] void* members_of(const std::type_info& type) override;
  [[nodiscard]] std::optional<Entry> get(std::string_view key) const override;
  [[nodiscard]] std::vector<Entry> range(const EntryRange& range) const override;
  void put(std::string key, std::string value) override;
  void erase(std::string key) override;
  void change(std::string key, std::optional<std::string> value);
  /// Of an entry as it was before the turn.
  [[nodiscard]] std::size_t bytes_before(const std::string& key) const;
  void note_read(const Entry& entry) const;
  void add(Sent sent, const std::optional<std::string>& owner = {});

  const Envelope& envelope_;
  const ObjectMeta& meta_;
  const Moment now_;
  const storage::StoreReader& store_;
  const PendingAlarms& alarms_;
  const TurnSurroundings& around_;
  const Milliseconds alarm_period_min_;
  const bool begins_life_;
  const TurnLimits limits_;
  std::optional<TurnRandom> random_;
  TurnRequests requests_;
  std::size_t bytes_ = 0;
  std::size_t deltas_ = 0;
  LayeredEntries layered_;
  LayeredEntries beneath_;  ///< without what the turn has written
  /// Sizes of some entries that the turn has read, so that those it changes are not read again.
  mutable std::map<std::string, std::size_t, std::less<>> read_;
};

/// The View that a query sees.
class ViewContext final : public View, private EntryReader {
 public:
  ViewContext(const Principal& principal, const ObjectMeta& meta, Timestamp now,
              const storage::StoreReader& store, const PendingEntries* pending)
      : principal_(principal),
        meta_(meta),
        now_(now),
        layered_(store, meta.object(), nullptr, pending, meta.origin->born_seq) {}

  [[nodiscard]] const ObjectMeta& meta() const override { return meta_; }
  [[nodiscard]] Timestamp now() const override { return now_; }
  [[nodiscard]] const Principal& principal() const override { return principal_; }
  [[nodiscard]] const EntryReader& entries() const override { return *this; }

 private:
  [[nodiscard]] std::optional<Entry> get(std::string_view key) const override {
    return layered_.get(key);
  }
  [[nodiscard]] std::vector<Entry> range(const EntryRange& range) const override {
    return layered_.range(range);
  }

  const Principal& principal_;
  const ObjectMeta& meta_;
  const Timestamp now_;
  LayeredEntries layered_;
};

}  // namespace perdure::runtime
