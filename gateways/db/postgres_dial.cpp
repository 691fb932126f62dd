// How a connection to PostgreSQL is made: names are looked up by Asio, because libpq would block, then libpq is
// polled until it says that all is well.
#include <utility>

#include "gateways/db/postgres_connection.hpp"
#include "gateways/db/postgres_copying.hpp"

namespace troupe {
namespace {

using descriptor = boost::asio::posix::stream_descriptor;
using boost::system::error_code;

void swallow_notice(void*, const char*) {}

}  // namespace

void postgres_connection::dial(dial_callback done) {
  dialled_ = std::move(done);
  dial_timer_.expires_after(dial_timeout);
  dial_timer_.async_wait([self = shared_from_this()](error_code stopped) {
    if (!stopped) self->give_up_dialling();
  });
  if (!target_.has_names()) return begin();
  addresses_.resize(target_.hosts().size());
  look_up(0);
}

void postgres_connection::give_up_dialling() {
  if (dialled_) close({errc::unavailable, "postgres: no connection in time"});
}

// A host that cannot be found is left out; libpq then tries the others.
void postgres_connection::look_up(std::size_t host) {
  const auto hosts = target_.hosts();
  if (host == hosts.size()) {
    bool any = false;
    for (const auto& a : addresses_) any = any || !a.empty();
    if (!any) return close({errc::unavailable, "postgres: no host of db.dsn has an address"});
    return begin();
  }
  if (!hosts[host].empty() && hosts[host].front() == '/') {
    addresses_[host].push_back("");
    return look_up(host + 1);
  }
  resolver_.async_resolve(
      hosts[host], "",
      [self = shared_from_this(), host](error_code failed, const boost::asio::ip::tcp::resolver::results_type& found) {
        if (!self->dialled_) return;
        if (!failed)
          for (const auto& entry : found) self->addresses_[host].push_back(entry.endpoint().address().to_string());
        self->look_up(host + 1);
      });
}

void postgres_connection::begin() {
  connection_.reset(target_.dial(addresses_));
  if (!connection_ || pq().PQstatus(connection_.get()) == CONNECTION_BAD)
    return dialled(tl::unexpected(trouble("no memory")));
  pq().PQsetNoticeProcessor(connection_.get(), swallow_notice, nullptr);
  step(PGRES_POLLING_WRITING);
}

// libpq may have another socket after each step.
bool postgres_connection::adopt_socket() {
  release_socket();
  const int fd = pq().PQsocket(connection_.get());
  if (fd < 0) return false;
  error_code refused;
  socket_.assign(fd, refused);
  return !refused;
}

void postgres_connection::release_socket() {
  if (!socket_.is_open()) return;
  error_code ignored;
  socket_.cancel(ignored);
  socket_.release();
}

void postgres_connection::step(PostgresPollingStatusType next) {
  if (next == PGRES_POLLING_FAILED) return dialled(tl::unexpected(trouble("no connection")));
  if (!adopt_socket()) return dialled(tl::unexpected(trouble("no socket")));
  if (next == PGRES_POLLING_OK) return dialled({});
  socket_.async_wait(next == PGRES_POLLING_WRITING ? descriptor::wait_write : descriptor::wait_read,
                     [self = shared_from_this()](error_code stopped) {
                       if (stopped || !self->dialled_) return;
                       self->step(pq().PQconnectPoll(self->connection_.get()));
                     });
}

void postgres_connection::dialled(expected<void> outcome) {
  auto* c = connection_.get();
  if (outcome && (pq().PQsetnonblocking(c, 1) != 0 || pq().PQenterPipelineMode(c) != 1))
    outcome = tl::unexpected(trouble("no pipeline mode"));
  if (!outcome) return close(outcome.error());
  open_ = true;
  dial_timer_.cancel();
  read();
  if (auto done = std::exchange(dialled_, nullptr)) done({});
}

}  // namespace troupe
