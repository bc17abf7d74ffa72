// SPDX-License-Identifier: Apache-2.0
// The acceptor, the set of connections, and their threads. The threads end when nothing is left to do for them: after
// the acceptor and every connection are closed.
#include "serving/http/http_server.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "serving/http/connection.h"

namespace marlin::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kMaxRefused = 64;  // connections at a time that are only told 503
constexpr std::chrono::milliseconds kAcceptPause{100};

void check_options(const ServerOptions& options) {
  const auto require = [](bool holds, const char* what) {
    if (!holds) fail(ErrorCode::kInvalidArgument, "http server: {}", what);
  };
  require(options.io_threads >= 1 && options.io_threads <= 256, "io_threads must be between 1 and 256");
  require(options.max_connections >= 1, "max_connections must be at least 1");
  require(options.max_header_bytes >= 256, "max_header_bytes must be at least 256");
  require(options.max_pending_bytes >= 1, "max_pending_bytes must be at least 1");
  for (const auto timeout : {options.header_timeout, options.body_timeout, options.idle_timeout, options.write_timeout,
                             options.ping_interval}) {
    require(timeout.count() > 0 && timeout <= std::chrono::hours(24), "a timeout must be between 1 ms and 24 hours");
  }
  for (const std::string& key : options.api_keys) require(!key.empty(), "an API key must not be empty");
}

tcp::acceptor listen(asio::io_context& io, const ServerOptions& options) {
  error_code error;
  tcp::resolver resolver(io);
  const auto found = resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive, error);
  if (options.host.empty() || error || found.empty()) {
    fail(ErrorCode::kInvalidArgument, "cannot listen on '{}': it is not an address or a name of this machine",
         options.host);
  }
  const tcp::endpoint endpoint = *found.begin();
  tcp::acceptor acceptor(asio::make_strand(io));
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error == asio::error::address_in_use) {
    fail(ErrorCode::kInvalidArgument, "cannot listen on {}:{}: another program does; stop it or choose another port",
         options.host, options.port);
  }
  if (error) {
    fail(ErrorCode::kInvalidArgument, "cannot listen on {}:{}: {}", options.host, options.port, error.message());
  }
  return acceptor;
}

}  // namespace

class HttpServer::Listener {
 public:
  Listener(ServerOptions options, Router router)
      : options_((check_options(options), std::move(options))),
        router_(std::move(router)),
        gate_(options_, router_),
        context_{options_, gate_, [this](const auto& connection) { remove(connection); }},
        io_(options_.io_threads),
        acceptor_(listen(io_, options_)),
        port_(acceptor_.local_endpoint().port()) {}

  ~Listener() { stop(); }  // NOLINT(bugprone-exception-escape): joining its own threads does not fail

  [[nodiscard]] std::uint16_t port() const { return port_; }

  void start() {
    const std::lock_guard lock(threads_mutex_);
    MARLIN_CHECK(threads_.empty() && !is_closing());
    asio::co_spawn(
        acceptor_.get_executor(), [this] { return accept(); }, asio::detached);
    for (int i = 0; i < options_.io_threads; ++i) threads_.emplace_back([this] { run_io(); });
  }

  void wait_until_stopped() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopped_; });
  }

  bool drain(std::chrono::milliseconds patience) {
    close_acceptor();
    bool finished = false;
    {
      std::unique_lock lock(mutex_);
      for (const auto& [connection, is_welcome] : connections_) connection->drain();
      finished = changed_.wait_for(lock, patience, [this] { return connections_.empty() || stopping_; }) && !stopping_;
    }
    stop();
    return finished;
  }

  void stop() {
    close_acceptor();
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      for (const auto& [connection, is_welcome] : connections_) connection->stop();
    }
    changed_.notify_all();
    {
      const std::lock_guard lock(threads_mutex_);
      for (std::thread& thread : threads_) thread.join();
      threads_.clear();
    }
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
  }

  [[nodiscard]] std::size_t open_connections() const {
    const std::lock_guard lock(mutex_);
    return connections_.size();
  }

 private:
  void run_io() {
    for (;;) {
      try {
        io_.run();
        return;
      } catch (const std::exception& failure) {  // out of memory while a connection was told something
        report(fmt::format("io thread: {}", failure.what()));
      }
    }
  }

  asio::awaitable<void> accept() {
    asio::steady_timer pause(acceptor_.get_executor());
    while (!is_closing()) {
      error_code error;
      tcp::socket socket(asio::make_strand(io_));
      co_await acceptor_.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
      if (is_closing()) break;
      if (!error) {
        try {
          add(std::move(socket));
        } catch (const std::exception& failure) {
          report(fmt::format("new connection: {}", failure.what()));
        }
      } else if (error != asio::error::connection_aborted) {
        // No descriptors or memory are left: the client waits in the system's queue until some are.
        report(fmt::format("accept: {}", error.message()));
        pause.expires_after(kAcceptPause);
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      }
    }
  }

  void add(tcp::socket socket) {
    const auto connection = std::make_shared<Connection>(std::move(socket), context_);
    bool is_welcome = false;
    {
      const std::lock_guard lock(mutex_);
      if (closing_ || connections_.size() >= options_.max_connections + kMaxRefused) return;
      is_welcome = n_welcome_ < options_.max_connections;
      connections_.emplace(connection, is_welcome);
      n_welcome_ += is_welcome ? 1 : 0;
    }
    connection->start(is_welcome);  // without the lock: it may run here at once, and hooks with it
  }

  void remove(const std::shared_ptr<Connection>& connection) {
    {
      const std::lock_guard lock(mutex_);
      const auto found = connections_.find(connection);
      n_welcome_ -= found->second ? 1 : 0;
      connections_.erase(found);
    }
    changed_.notify_all();
  }

  void close_acceptor() {
    {
      const std::lock_guard lock(mutex_);
      if (closing_) return;
      closing_ = true;
    }
    asio::post(acceptor_.get_executor(), [this] {
      error_code ignored;
      acceptor_.close(ignored);
    });
  }

  [[nodiscard]] bool is_closing() const {
    const std::lock_guard lock(mutex_);
    return closing_;
  }

  void report(const std::string& what) const {
    if (!options_.on_error) return;
    try {
      options_.on_error(what);
    } catch (const std::exception&) {  // nobody is left to tell
    }
  }

  const ServerOptions options_;
  const Router router_;
  const RequestGate gate_;
  const ConnectionContext context_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;  // connections_, stopping_ or stopped_
  bool closing_ = false;             // no more clients
  bool stopping_ = false;            // no more patience
  bool stopped_ = false;
  std::unordered_map<std::shared_ptr<Connection>, bool> connections_;  // whether each is welcome
  std::size_t n_welcome_ = 0;
  std::mutex threads_mutex_;
  std::vector<std::thread> threads_;
  asio::io_context io_;
  tcp::acceptor acceptor_;
  std::uint16_t port_;
};

HttpServer::HttpServer(ServerOptions options, Router router)
    : listener_(std::make_unique<Listener>(std::move(options), std::move(router))) {}

HttpServer::~HttpServer() = default;

std::uint16_t HttpServer::port() const { return listener_->port(); }
void HttpServer::start() { listener_->start(); }

void HttpServer::run() {
  start();
  listener_->wait_until_stopped();
}

bool HttpServer::drain(std::chrono::milliseconds patience) { return listener_->drain(patience); }
void HttpServer::stop() { listener_->stop(); }
std::size_t HttpServer::open_connections() const { return listener_->open_connections(); }

}  // namespace marlin::http
