// SPDX-License-Identifier: Apache-2.0
// Objects on their way out and in, piece by piece, so that whoever carries them holds a piece and
// not the whole, and can let others take turns between two pieces.
#pragma once

#include <cstddef>
#include <string>

#include "perdure/runtime/call.hpp"

namespace perdure {

enum class More { yes, no };

/// One object as a file: UTF-8 lines of JSON, the last one a digest of those before it. It shows
/// the moment at which it was begun, whatever its object does meanwhile.
///
/// Threads   one at a time.
/// Lifetime  ends before its runtime.
class ObjectExport {
 public:
  virtual ~ObjectExport() = default;
  /// Appends whole lines until `out` has grown by `bytes`, or all of them are there.
  /// Errors  gone  retention has passed the moment that is shown; those of the store.
  [[nodiscard]] virtual Result<More> read(std::string& out, std::size_t bytes) = 0;
};

/// A call that makes an object out of a file, or out of another object.
/// Threads, Lifetime  as ObjectExport.
class ObjectCopy {
 public:
  virtual ~ObjectCopy() = default;
  /// Reads on by about `bytes`. Errors: malformed (a digest that does not fit, too); too_large;
  /// those of the store.
  [[nodiscard]] virtual Result<More> read(std::size_t bytes) = 0;
  /// What has been read and is kept for the call.
  [[nodiscard]] virtual std::size_t bytes() const = 0;
  /// The call, once nothing is left to be read. Errors: malformed, newer_version, corrupt.
  [[nodiscard]] virtual Result<Call> take() = 0;
};

}  // namespace perdure
