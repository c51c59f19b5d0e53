// SPDX-License-Identifier: Apache-2.0
// The archive of a user: everything that is the user's, for the user to keep. It is made piece by
// piece, so that nobody holds it whole, however much the user has.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "perdure/runtime/runtime.hpp"

namespace perdure::actors {

/// Which kinds of objects may be in an archive. Empty function: all.
using KindFilter = std::function<bool(std::string_view kind)>;

/// Every object of an owner, live or deleted, the user itself included, in the order of kinds and
/// ids. Holds one page of them.
/// Lifetime  ends before its runtime.
class OwnedObjects {
 public:
  /// Passes over kinds that `filter` refuses.
  OwnedObjects(const Runtime& runtime, std::string owner, KindFilter filter = {});
  /// Returns the next object, or nothing at the end.
  /// Errors  those of Runtime::list; the object's own when it cannot be read.
  [[nodiscard]] Result<std::optional<ObjectView>> next();

 private:
  const Runtime& runtime_;
  const std::string owner_;
  const KindFilter filter_;
  std::size_t kind_ = 0;
  std::string cursor_;
  std::deque<ObjectView> page_;
};

/// The first kind that `filter` refuses although the owner has objects of it; empty: there is none.
/// Reads a row for each kind. Errors: those of Runtime::list.
[[nodiscard]] Result<std::string> kind_left_out(const Runtime& runtime, const std::string& owner,
                                                const KindFilter& filter);

/// One object of an archive, as JSON: `{kind, resource, entries: [{key, value}]}`; values that
/// are not JSON are written as base64url. An object that is deleted, before or meanwhile, comes
/// without its entries.
class ArchivedObject {
 public:
  ArchivedObject(const Runtime& runtime, ObjectView view);
  /// Appends what follows until `out` has grown by `bytes`, or all of it is there. Errors: those of
  /// Runtime::entries.
  [[nodiscard]] Result<More> read(std::string& out, std::size_t bytes);

 private:
  const Runtime& runtime_;
  const ObjectView view_;
  EntryRange range_;
  enum class Next { head, first_entry, entry } next_ = Next::head;
};

/// What an archive begins with: `{format, version, exported_at, user}`.
[[nodiscard]] Json archive_header(const ObjectView& user, Timestamp now);

/// The archive as one JSON text: the header's members, and `objects`.
class UserArchive {
 public:
  /// Kinds that `filter` refuses are left out: whoever asks has looked at `kind_left_out` before.
  /// Errors  not_found  there is no such user.
  static Result<std::unique_ptr<UserArchive>> open(const Runtime& runtime, std::string user_id,
                                                   Timestamp now, KindFilter filter = {});
  /// As ArchivedObject::read. Errors: those of OwnedObjects::next, too.
  [[nodiscard]] Result<More> read(std::string& out, std::size_t bytes);

  UserArchive(const Runtime& runtime, std::string user_id, std::string head, KindFilter filter)
      : runtime_(runtime),
        objects_(runtime, std::move(user_id), std::move(filter)),
        head_(std::move(head)) {}

 private:
  const Runtime& runtime_;
  OwnedObjects objects_;
  std::string head_;  // before the first piece
  std::optional<ArchivedObject> object_;
  bool is_first_ = true;
};

}  // namespace perdure::actors
