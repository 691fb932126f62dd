// How a connection to PostgreSQL is made: names are looked up by Asio, because libpq would block, then libpq is
// polled until it says that all is well.
#include <algorithm>
#include <utility>

#include "gateways/db/postgres_connection.hpp"
#include "gateways/db/postgres_copying.hpp"

namespace troupe {
namespace {

using descriptor = boost::asio::posix::stream_descriptor;
using boost::system::error_code;

time_point now() { return time_point(std::chrono::steady_clock::now()); }

constexpr std::size_t refusal_bytes_max = 512;  // of all places together

}  // namespace

void postgres_connection::dial(dial_callback done) {
  dialled_ = std::move(done);
  dial_end_ = now() + dial_timeout;
  dial_timer_.expires_after(dial_timeout);
  dial_timer_.async_wait([self = shared_from_this()](error_code stopped) {
    if (!stopped && self->dialled_) self->close({errc::unavailable, "postgres: no host of db.dsn was found in time"});
  });
  look_up(0);
}

// A host that cannot be found is left out.
void postgres_connection::look_up(std::size_t place) {
  const auto places = target_.places();
  if (place == places.size()) return begin();
  if (!postgres_target::is_name(places[place])) {
    places_.push_back(places[place]);
    return look_up(place + 1);
  }
  resolver_.async_resolve(places[place].host, "",
                          [self = shared_from_this(), place, at = places[place]](
                              error_code failed, const boost::asio::ip::tcp::resolver::results_type& found) {
                            if (!self->dialled_) return;
                            if (!failed) {
                              for (const auto& entry : found)
                                self->places_.push_back({at.host, entry.endpoint().address().to_string(), at.port});
                            }
                            self->look_up(place + 1);
                          });
}

void postgres_connection::begin() {
  if (places_.empty()) return close({errc::unavailable, "postgres: no host of db.dsn has an address"});
  attempts_ = target_.attempts(places_);
  if (attempts_.size() == 1) patience_ = dial_timeout;
  try_next();
}

void postgres_connection::try_next() {
  if (attempt_ == attempts_.size() && std::exchange(was_silent_, false)) {
    attempt_ = 0;
    patience_ *= 2;
  }
  if (attempt_ == attempts_.size() || now() >= dial_end_) return close({errc::unavailable, refusals_});
  const auto attempt = attempts_[attempt_++];
  const auto dial = ++dials_;
  dial_timer_.expires_at(
      std::chrono::time_point_cast<std::chrono::steady_clock::duration>(std::min(dial_end_, now() + patience_)));
  dial_timer_.async_wait([self = shared_from_this(), dial](error_code stopped) {
    if (stopped || !self->dialled_ || self->dials_ != dial) return;
    self->was_silent_ = true;
    self->try_failed({errc::unavailable, "postgres: no connection in time"});
  });
  connection_.reset(target_.dial(attempt));
  if (!connection_ || pq().PQstatus(connection_.get()) == CONNECTION_BAD) return try_failed(trouble("no memory"));
  pq().PQsetNoticeReceiver(connection_.get(), on_notice, this);
  step(PGRES_POLLING_WRITING);
}

void postgres_connection::try_failed(const error& why) {
  const bool told = refusals_.find(why.context) != refusals_.npos;
  if (!told && refusals_.size() + why.context.size() < refusal_bytes_max)
    refusals_ += (refusals_.empty() ? "" : "; ") + why.context;
  release_socket();
  connection_.reset();
  try_next();
}

// Only one of them matters: it is about what the server is at.
void postgres_connection::on_notice(void* self, const PGresult* notice) {
  if (!tells_unreplicated(notice)) return;
  auto& c = *static_cast<postgres_connection*>(self);
  if (c.copying_)
    c.copying_->unreplicated = true;
  else if (!c.groups_.empty())
    c.groups_.front().answer.unreplicated = true;
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
  if (next == PGRES_POLLING_FAILED) return try_failed(trouble("no connection"));
  if (!adopt_socket()) return try_failed(trouble("no socket"));
  if (next == PGRES_POLLING_OK) return dialled();
  socket_.async_wait(next == PGRES_POLLING_WRITING ? descriptor::wait_write : descriptor::wait_read,
                     [self = shared_from_this(), dial = dials_](error_code stopped) {
                       if (stopped || !self->dialled_ || self->dials_ != dial) return;
                       self->step(pq().PQconnectPoll(self->connection_.get()));
                     });
}

void postgres_connection::dialled() {
  auto* c = connection_.get();
  if (pq().PQsetnonblocking(c, 1) != 0 || pq().PQenterPipelineMode(c) != 1) return close(trouble("no pipeline mode"));
  open_ = true;
  dial_timer_.cancel();
  read();
  if (auto done = std::exchange(dialled_, nullptr)) done({});
}

postgres_place postgres_connection::peer() const {
  const auto* c = connection_.get();
  const auto text = [](const char* t) { return std::string(t == nullptr ? "" : t); };
  return {text(pq().PQhost(c)), text(pq().PQhostaddr(c)), text(pq().PQport(c))};
}

}  // namespace troupe
