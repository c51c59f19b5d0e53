// SPDX-License-Identifier: Apache-2.0
// The compiled parts of Asio, Beast (their SEPARATE_COMPILATION mode) and URL, kept out of every
// other file's build time.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
#include <boost/url/src.hpp>
