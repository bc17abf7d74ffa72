// SPDX-License-Identifier: Apache-2.0
// The compiled part of Asio (BOOST_ASIO_SEPARATE_COMPILATION), so that the files that use it need not compile it each.
#include <boost/asio/impl/src.hpp>
