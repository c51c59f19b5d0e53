// SPDX-License-Identifier: Apache-2.0
// The compiled parts of Asio and Beast (their SEPARATE_COMPILATION mode), kept out of every other
// file's build time.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
