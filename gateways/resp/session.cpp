#include "gateways/resp/session.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "gateways/resp/lane.hpp"

namespace troupe::resp {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// The session whose commands this thread is executing: a callback that comes on the same thread
// meanwhile goes straight to its connection.
thread_local const session* executing = nullptr;

// Unread input turns close() into a reset, which may overtake the last reply: read some of it.
void end_gently(asio::ip::tcp::socket& s) {
  error_code failed;
  s.shutdown(asio::ip::tcp::socket::shutdown_send, failed);
  std::array<char, 16 * 1024> bytes;
  for (std::size_t discarded = 0; !failed && discarded < session::discard_max;) {
    discarded += s.read_some(asio::buffer(bytes), failed);
  }
  s.close(failed);
}

std::string text_of(const asio::ip::tcp::endpoint& e) {
  const auto address = e.address().to_string();
  return (e.address().is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(e.port());
}

}  // namespace

session::session(std::shared_ptr<lane> owner, socket_type s)
    : lane_(std::move(owner)), socket_(std::move(s)), connection_(lane_->shared(), lane_->numbers(), *this) {
  error_code unknown;
  if (const auto peer = socket_.remote_endpoint(unknown); !unknown) peer_ = text_of(peer);
  if (const auto local = socket_.local_endpoint(unknown); !unknown) local_ = text_of(local);
}

void session::start(time_point now) {
  started_ = last_active_ = now;
  read();
}

void session::close() {
  if (closed_) return;
  closed_ = true;
  const auto keep = shared_from_this();
  connection_.end_conversation();
  lane_->remove(*this);  // first: who sees the end of the connection finds it counted
  error_code ignored;
  socket_.close(ignored);
}

void session::drain() {
  draining_ = true;
  if (closed_) return;
  connection_.blocked() ? close() : close_if_done();
}

bool session::close_if_idle(time_point now, duration idle_max) {
  // Who listens says nothing by nature, who is held up by CLIENT PAUSE may not.
  const bool waits = connection_.is(connection::listening) || held_up_;
  if (closed_ || waits || !connection_.idle() || now - last_active_ < idle_max) return false;
  lane_->numbers().closed_idle.add(1);
  close();
  return true;
}

reply_callback session::callback_for(std::uint64_t slot) {
  return [self = shared_from_this(), slot](owned_reply answer) {
    if (executing == self.get())
      self->take(slot, std::move(answer));
    else
      self->lane_->deliver(self, slot, std::move(answer));
  };
}

// Not from inside what asks for it.
void session::end() {
  asio::post(lane_->loop(), [self = shared_from_this()] { self->close(); });
}

lane_subscribers* session::subscribers() { return &lane_->subscribers(); }

std::size_t session::group() const noexcept { return lane_->number(); }

time_point session::read_clock() const { return lane_->read_clock(); }

void session::run_again_at(time_point until) {
  if (connection_.blocked()) return lane_->resume_at(until, shared_from_this());
  if (!std::exchange(held_up_, true)) lane_->resume_after_pause(shared_from_this());
}

void session::resume_after_pause(time_point now) {
  held_up_ = false;
  resume(now);
}

socket_state session::socket() const {
  socket_state s;
  const auto now = lane_->read_clock();
  s.peer = peer_;
  s.local = local_;
  s.descriptor = const_cast<socket_type&>(socket_).native_handle();  // Asio has no const one
  s.age = now - started_;
  s.idle = now - last_active_;
  s.received = input_.size();
  s.receive_room = input_.capacity() - input_.size();
  s.to_send = sending_.size() + connection_.waiting_output();
  return s;
}

void session::take(std::uint64_t slot, owned_reply answer) {
  if (!closed_) connection_.complete(slot, std::move(answer));
}

void session::resume(time_point now) {
  if (closed_) return;
  if (!reading_) return proceed(now);
  flush();
}

void session::read() {
  if (input_.size() >= lane_->shared().live.query_buffer_max.load(std::memory_order_relaxed)) {
    lane_->numbers().protocol_errors.add(1);
    return close();
  }
  // For a large value as much again as has come already: few reads, and no memory for mere claims.
  const std::size_t wanted = std::clamp(connection_.missing_input(), read_min, std::max(read_min, input_.size()));
  char* const at = input_.prepare(wanted);
  reading_ = true;
  socket_.async_read_some(asio::buffer(at, input_.room()),
                          [self = shared_from_this()](error_code failed, std::size_t count) {
                            self->reading_ = false;
                            if (self->closed_) return;
                            failed ? self->close() : self->on_read(count);
                          });
}

void session::on_read(std::size_t count) {
  input_.commit(count);
  lane_->numbers().bytes_in.add(count);
  last_active_ = lane_->read_clock();
  proceed(last_active_);
}

// Executes what is there, in portions of output, until more input or some reply is needed.
void session::proceed(time_point now) {
  auto result = run_result::output_full;
  while (result == run_result::output_full) {
    executing = this;
    result = connection_.run(input_, now);
    executing = nullptr;
    if (result != run_result::output_full && connection_.output().size() < send_at_once_min) {
      send_soon();
      continue;
    }
    send();
    if (closed_ || too_slow()) return;
  }
  if (draining_ && connection_.blocked()) return close();
  close_if_done();
  if (!closed_ && connection_.blocked()) watch_blocked();
  if (closed_ || draining_ || result != run_result::need_input) return;
  input_.trim();
  read_soon();
}

// A client that waits for its answer has nothing to say yet: to read before it is sent would find nothing.
void session::read_soon() {
  if (!sending_soon_) return read();
  reading_ = true;
  reads_after_flush_ = true;
}

void session::read_after_flush() {
  if (std::exchange(reads_after_flush_, false) && !closed_) read();
}

// Nothing is executed while a command waits, but the client may go.
void session::watch_blocked() {
  if (watching_ || input_.size() >= blocked_input_max) return;
  watching_ = true;
  socket_.async_wait(socket_type::wait_read, [self = shared_from_this()](error_code failed) {
    self->watching_ = false;
    if (self->closed_ || !self->connection_.blocked()) return;
    failed ? self->close() : self->read_while_blocked();
  });
}

void session::read_while_blocked() {
  error_code failed;
  char* const at = input_.prepare(read_min);
  const auto count = socket_.read_some(asio::buffer(at, input_.room()), failed);
  if (failed && failed != asio::error::would_block) return close();
  input_.commit(count);
  lane_->numbers().bytes_in.add(count);
  watch_blocked();
}

void session::send_soon() {
  if (sending_soon_ || connection_.output().empty()) return;
  sending_soon_ = true;
  lane_->flush_soon(shared_from_this());
}

void session::flush() {
  sending_soon_ = false;
  if (closed_) return;
  send();
  if (!closed_ && !too_slow()) close_if_done();
}

void session::send() {
  auto& output = connection_.output();
  while (!writing_ && !output.empty()) {
    error_code failed;
    const std::size_t sent = socket_.write_some(asio::buffer(output.data(), output.size()), failed);
    lane_->numbers().bytes_out.add(sent);
    output.consume(sent);
    if (failed == asio::error::would_block) return send_later();
    if (failed) return close();
  }
  output.trim();
}

void session::send_later() {
  writing_ = true;
  sending_.swap(connection_.output());
  asio::async_write(socket_, asio::buffer(sending_.data(), sending_.size()),
                    [self = shared_from_this()](error_code failed, std::size_t count) {
                      self->lane_->numbers().bytes_out.add(count);
                      self->writing_ = false;
                      self->sending_.clear();
                      self->sending_.trim();
                      if (self->closed_) return;
                      if (failed) return self->close();
                      self->last_active_ = self->lane_->read_clock();
                      self->send();
                      if (!self->closed_) self->close_if_done();
                    });
}

bool session::too_slow() {
  const std::size_t pending = sending_.size() + connection_.output().size() + connection_.held_back();
  const bool listens = connection_.is(connection::listening);
  const auto& limit = lane_->shared().live.output_of(listens ? buffer_class::pubsub : buffer_class::normal);
  const auto hard = limit.hard.load(std::memory_order_relaxed);
  if ((hard == 0 || pending <= hard) && !beyond_soft_limit(pending, limit)) return false;
  lane_->numbers().closed_slow.add(1);
  close();
  return true;
}

bool session::beyond_soft_limit(std::size_t pending, const buffer_limit& limit) {
  const auto soft = limit.soft.load(std::memory_order_relaxed);
  if (soft == 0 || pending <= soft) {
    above_soft_since_ = {};
    return false;
  }
  const auto now = lane_->read_clock();
  if (above_soft_since_ == time_point{}) above_soft_since_ = now;
  return now - above_soft_since_ > std::chrono::seconds(limit.soft_seconds.load(std::memory_order_relaxed));
}

void session::close_if_done() {
  if (!connection_.closing() && !draining_) return;
  if (writing_ || !connection_.idle() || !connection_.output().empty()) return;
  close_gently();
}

void session::close_gently() {
  if (closed_) return;
  closed_ = true;
  const auto keep = shared_from_this();
  connection_.end_conversation();
  lane_->remove(*this);
  end_gently(socket_);
}

void say_and_close(asio::ip::tcp::socket& s, std::string_view text) {
  error_code failed;
  (void)s.write_some(asio::buffer(text.data(), text.size()), failed);
  end_gently(s);
}

}  // namespace troupe::resp
