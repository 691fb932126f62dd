#include "actors/link/link_listener.hpp"

#include <boost/asio/post.hpp>

#include "actors/link/endpoint.hpp"

namespace troupe {

namespace {

constexpr int backlog = 256;
constexpr auto pause_after_failure = std::chrono::milliseconds(100);  // e.g. out of file descriptors

}  // namespace

link_listener::link_listener(io_pool& io) : io_(io), acceptor_(io.context(0)), pause_(io.context(0)) {}

expected<void> link_listener::bind(const std::string& address) {
  const auto where = split_address(address);
  if (!where) return tl::unexpected<error>(where.error());
  const auto failed = [&](const boost::system::error_code& fault) {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    return fail(errc::unavailable, "cannot listen on " + address + ": " + fault.message());
  };
  boost::system::error_code fault;
  tcp::resolver resolver(acceptor_.get_executor());
  const auto found = resolver.resolve(where->host, where->port, tcp::resolver::passive, fault);
  if (fault) return failed(fault);
  const tcp::endpoint endpoint = *found.begin();
  acceptor_.open(endpoint.protocol(), fault);
  if (!fault) acceptor_.set_option(tcp::acceptor::reuse_address(true), fault);
  if (!fault) acceptor_.bind(endpoint, fault);
  if (!fault) acceptor_.listen(backlog, fault);
  if (fault) return failed(fault);
  return {};
}

std::string link_listener::address() const {
  boost::system::error_code fault;
  const auto endpoint = acceptor_.local_endpoint(fault);
  return fault ? std::string() : to_address(endpoint);
}

void link_listener::start(accepted done) {
  boost::asio::post(acceptor_.get_executor(), [self = shared_from_this(), done = std::move(done)]() mutable {
    self->done_ = std::move(done);
    self->accept_next();
  });
}

void link_listener::accept_next() {
  if (!acceptor_.is_open()) return;
  acceptor_.async_accept(io_.next(), [self = shared_from_this()](boost::system::error_code fault, tcp::socket socket) {
    if (!self->acceptor_.is_open()) return;
    if (!fault) {
      self->done_(std::move(socket));
      return self->accept_next();
    }
    self->pause_.expires_after(pause_after_failure);
    self->pause_.async_wait([self](boost::system::error_code) { self->accept_next(); });
  });
}

void link_listener::close() {
  boost::asio::post(acceptor_.get_executor(), [self = shared_from_this()] {
    boost::system::error_code ignored;
    self->acceptor_.close(ignored);
    self->pause_.cancel();
    self->done_ = nullptr;
  });
}

}  // namespace troupe
