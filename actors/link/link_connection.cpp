#include "actors/link/link_connection.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/post.hpp>

#include <troupe/wire/link.pb.h>

#include "actors/clock.hpp"
#include "actors/link/endpoint.hpp"
#include "actors/link/hmac.hpp"
#include "actors/link/link_peer.hpp"

namespace troupe {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr unsigned user_timeout_ms = 10000;  // unacknowledged bytes for so long: the peer is lost
constexpr duration goodbye_max = std::chrono::seconds(1);

// Nothing came from the peer's host, so it says nothing of the peer's process.
bool is_silence(const error_code& fault) {
  return fault == asio::error::timed_out || fault == asio::error::host_unreachable ||
         fault == asio::error::network_unreachable || fault == asio::error::network_down;
}

std::string close_frame(bool idle, const std::string& words) {
  wire::LinkClose close;
  close.set_idle(idle);
  close.set_words(words);
  return make_frame(frame_type::close, close.SerializeAsString());
}

}  // namespace

link_connection::link_connection(tcp::socket socket, link_host& host)
    : socket_(std::move(socket)),
      resolver_(socket_.get_executor()),
      timer_(socket_.get_executor()),
      host_(host),
      reader_(handshake_frame_max),
      chunks_({.message_max = host.settings().message_max,
               .streams_max = 16,
               .bytes_max = 2 * host.settings().message_max}) {}

void link_connection::arm_timer(duration after, std::string words) {
  timer_.expires_after(after);
  timer_.async_wait(
      [self = shared_from_this(), round = ++timer_round_, words = std::move(words)](error_code cancelled) {
        if (!cancelled && round == self->timer_round_) self->end({errc::unavailable, words});
      });
}

void link_connection::touch() noexcept {
  last_activity_.store(clock_now().time_since_epoch().count(), std::memory_order_relaxed);
}

void link_connection::dial(std::string address, incarnation_id wanted) {
  asio::post(socket_.get_executor(), [self = shared_from_this(), address = std::move(address), wanted] {
    if (self->ended_) return;
    self->far_ = address;
    self->handshake_ = handshake::dial(self->host_.handshake_words(), random_nonce(), hmac_sha256, wanted);
    self->arm_timer(self->host_.settings().dial_timeout, address + " does not answer");
    const auto where = split_address(address);
    if (!where) return self->end({errc::unavailable, where.error().context});
    error_code not_numeric;
    const auto ip = asio::ip::make_address(where->host, not_numeric);
    if (!not_numeric) {
      self->endpoints_ = {tcp::endpoint(ip, static_cast<std::uint16_t>(std::stoul(where->port)))};
      return self->connect();
    }
    self->resolver_.async_resolve(where->host, where->port,
                                  [self, address](error_code fault, const tcp::resolver::results_type& found) {
                                    if (self->ended_) return;
                                    if (fault) return self->end({errc::unavailable, address + ": " + fault.message()});
                                    self->endpoints_.assign(found.begin(), found.end());
                                    self->connect();
                                  });
  });
}

// In a test whose network is cut: `again` runs when it is not any more.
bool link_connection::held(network_faults::way w, step again) {
  const auto& faults = host_.settings().faults;
  if (!faults || !faults->any()) return false;
  return faults->hold(w, far_, [weak = weak_from_this(), again] {
    auto self = weak.lock();
    if (!self) return;
    const auto executor = self->socket_.get_executor();
    asio::post(executor, [self = std::move(self), again] {
      if (!self->ended_) (self.get()->*again)();
    });
  });
}

void link_connection::connect() {
  using way = network_faults::way;
  if (held(way::out, &link_connection::connect) || held(way::in, &link_connection::connect)) return;
  asio::async_connect(socket_, endpoints_, [self = shared_from_this()](error_code fault, const tcp::endpoint& at) {
    if (self->ended_) return;
    if (fault) {
      self->end_.nobody = fault == asio::error::connection_refused;
      return self->end({errc::unavailable, to_address(at) + ": " + fault.message()});
    }
    self->on_connected();
  });
}

void link_connection::on_connected() {
  error_code fault;
  const auto local = socket_.local_endpoint(fault);
  const auto remote = socket_.remote_endpoint(fault);
  if (!fault && local == remote) {
    link_counters::add(host_.counters().self_connects);
    end_.nobody = true;
    return end({errc::unavailable, to_address(remote) + ": the connection reached its own socket"});
  }
  set_options();
  write_raw(handshake_->start());
  read();
}

void link_connection::accept() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    if (self->ended_) return;
    self->handshake_ = handshake::accept(self->host_.handshake_words(), random_nonce(), hmac_sha256);
    self->arm_timer(self->host_.settings().handshake_timeout, "no handshake in time");
    self->set_options();
    self->read();
  });
}

void link_connection::set_options() {
  error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms, sizeof(user_timeout_ms));
  touch();
}

void link_connection::admit() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    if (self->ended_) return;
    self->write_raw(self->handshake_->admit());
    self->paused_ = false;
    self->process();
  });
}

void link_connection::refuse(link_refusal reason, std::string words) {
  asio::post(socket_.get_executor(), [self = shared_from_this(), reason, words = std::move(words)] {
    if (self->ended_) return;
    self->end_.refusal = reason;
    self->end_.why = {errc::access_denied, words};
    self->close_when_written_ = true;
    self->write_raw(self->handshake_->refuse(reason, words));
  });
}

void link_connection::attach(std::shared_ptr<link_peer> peer, bool confirm) {
  asio::post(socket_.get_executor(), [self = shared_from_this(), peer = std::move(peer), confirm] {
    if (self->ended_) return;
    self->timer_.cancel();
    ++self->timer_round_;
    self->reader_.payload_max(static_cast<std::size_t>(
        std::max<std::uint64_t>(self->host_.settings().frame_max, chunk_max + chunk_head_size)));
    self->peer_ = peer;
    self->paused_ = false;
    self->write_raw(confirm ? self->handshake_->confirm() : std::string());
    self->share_writes(true);
    self->process();
  });
}

void link_connection::flush() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] { self->write_more(); });
}

void link_connection::write_now() {
  if (!try_write()) flush();
}

void link_connection::say_idle() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    if (self->ended_ || !self->peer_ || self->said_idle_ || self->goodbye_) return;
    self->said_idle_ = true;
    self->share_writes(false);
    self->peer_->detach();
    self->arm_timer(self->host_.settings().handshake_timeout, "the peer does not agree to close");
    self->write_raw(close_frame(true, "idle"));
  });
}

void link_connection::say_goodbye(std::string words) {
  asio::post(socket_.get_executor(), [self = shared_from_this(), words = std::move(words)] {
    if (self->ended_) return;
    if (!self->peer_) return self->end({errc::unavailable, words});
    self->goodbye_ = true;
    self->share_writes(false);
    self->goodbye_frame_ = close_frame(false, words);
    self->arm_timer(goodbye_max, words);
    self->write_more();
  });
}

void link_connection::abort(error why) {
  asio::post(socket_.get_executor(),
             [self = shared_from_this(), why = std::move(why)]() mutable { self->end(std::move(why)); });
}

void link_connection::drop() {
  ended_ = true;
  share_writes(false);
  owner.reset();
  peer_.reset();
  error_code ignored;
  socket_.close(ignored);
}

void link_connection::read() {
  const auto space = reader_.space();
  socket_.async_read_some(asio::buffer(space.data(), space.size()),
                          [self = shared_from_this()](error_code fault, std::size_t size) {
                            self->arrived_ = {fault, size};
                            if (!self->ended_) self->take_arrived();
                          });
}

void link_connection::take_arrived() {
  if (held(network_faults::way::in, &link_connection::take_arrived)) return;
  const auto [fault, size] = arrived_;
  if (fault) {
    const bool closed = fault == asio::error::eof;
    return lose(fault, closed ? "the peer closed the connection" : "reading: " + fault.message());
  }
  link_counters::add(host_.counters().bytes_in, size);
  touch();
  reader_.commit(size);
  process();
}

void link_connection::process() {
  std::uint64_t frames = 0;
  while (!paused_ && !ended_ && !close_when_written_) {
    const auto next = reader_.next();
    if (!next) {
      garbage(next.error());
      break;
    }
    if (!*next) {
      read();
      break;
    }
    ++frames;
    if (!on_frame(**next)) break;
  }
  if (frames == 0) return;
  link_counters::add(host_.counters().frames_in, frames);
  if (peer_) peer_->on_batch_end(frames);
}

bool link_connection::on_frame(const frame& f) {
  if (!peer_) {
    on_handshake_frame(f);
    return true;
  }
  if (f.type == frame_type::close) {
    on_close(f.payload);
    return true;
  }
  expected<void> taken;
  if (f.type == frame_type::chunk) {
    auto whole = chunks_.on_chunk(f.payload);
    if (!whole)
      taken = tl::unexpected<error>(whole.error());
    else if (*whole)
      taken = peer_->on_frame((*whole)->type, (*whole)->payload);
  } else {
    taken = peer_->on_frame(f.type, f.payload);
  }
  if (!taken) garbage(taken.error());
  return taken.has_value();
}

void link_connection::on_handshake_frame(const frame& f) {
  using stage = handshake::stage;
  auto answer = handshake_->on_frame(f.type, f.payload);
  if (handshake_->peer_is_proven()) end_.peer = handshake_->peer();
  switch (handshake_->at()) {
    case stage::exchanging: break;
    case stage::proven:
      paused_ = true;
      far_ = handshake_->peer().address;
      host_.on_proven(shared_from_this(), handshake_->peer());
      break;
    case stage::welcomed:
      paused_ = true;
      host_.on_welcomed(shared_from_this(), handshake_->peer());
      break;
    case stage::established:
      paused_ = true;
      host_.on_ready(shared_from_this());
      break;
    case stage::refused:
      end_.refusal = handshake_->reason();
      end_.refused_by_peer = handshake_->refused_by_peer();
      end_.why = {errc::access_denied, handshake_->words()};
      close_when_written_ = true;
      break;
  }
  if (!answer.empty() || close_when_written_) write_raw(std::move(answer));
}

void link_connection::on_close(std::string_view payload) {
  wire::LinkClose close;
  if (!close.ParseFromArray(payload.data(), static_cast<int>(payload.size())))
    return garbage({errc::corrupt, "close that cannot be read"});
  if (!close.idle()) return end({errc::peer_lost, "the peer says goodbye: " + close.words().substr(0, 200)});
  end_.idle = true;
  close_when_written_ = true;
  if (said_idle_) return write_more();
  said_idle_ = true;
  share_writes(false);
  peer_->detach();
  write_raw(close_frame(true, "idle"));
}

void link_connection::garbage(const error& why) {
  link_counters::add(host_.counters().garbage);
  end_.refusal = peer_ ? link_refusal::none : link_refusal::malformed;
  end({errc::peer_lost, "bytes that make no sense: " + why.context});
}

void link_connection::lose(const error_code& fault, std::string words) {
  end_.silent = is_silence(fault);
  end({errc::peer_lost, std::move(words)});
}

void link_connection::end(error why) {
  if (ended_) return;
  ended_ = true;
  if (end_.refusal == link_refusal::none || end_.why.context.empty()) end_.why = std::move(why);
  error_code ignored;
  timer_.cancel();
  resolver_.cancel();
  share_writes(false);
  socket_.close(ignored);
  host_.on_ended(shared_from_this(), end_);
}

}  // namespace troupe
