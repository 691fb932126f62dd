// One client's socket: reads into a growing buffer, lets the connection execute all complete commands
// of a read, sends all their replies with one write. While a write is in flight further replies
// collect in the other buffer. All on the lane's thread, but for the callbacks of submitted requests.
//
// Replies are sent directly, without waiting for the socket to be writable, but not before the lane
// has read from every socket that was ready (as Redis does): a client with many connections then
// wakes once for many replies, which is worth a tenth of its rate.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "gateways/resp/byte_buffer.hpp"
#include "gateways/resp/connection.hpp"

namespace troupe::resp {

class lane;

class session : public completion_gate, public std::enable_shared_from_this<session> {
 public:
  using socket_type = boost::asio::ip::tcp::socket;

  static constexpr std::size_t read_min = 16 * 1024;
  /// Of what came behind a command that waits; with more, its client going is seen when the wait ends.
  static constexpr std::size_t blocked_input_max = 1024 * 1024;
  /// Replies of more bytes are sent without waiting for other connections' turn.
  static constexpr std::size_t send_at_once_min = 16 * 1024;
  /// What is read and thrown away before closing, so that the last reply is not lost to a reset.
  static constexpr std::size_t discard_max = 1024 * 1024;

  session(std::shared_ptr<lane> owner, socket_type s);

  void start(time_point now);
  /// Idempotent.
  void close();
  /// No further read: closes as soon as nothing is in flight.
  void drain();
  /// Closes when nothing came or went for `idle_max`. True: it did.
  bool close_if_idle(time_point now, duration idle_max);

  reply_callback callback_for(std::uint64_t slot) override;
  void output_grew() override { send_soon(); }
  void end() override;
  void run_again_at(time_point until) override;
  [[nodiscard]] socket_state socket() const override;
  [[nodiscard]] lane_subscribers* subscribers() override;
  [[nodiscard]] std::size_t group() const noexcept override;
  [[nodiscard]] time_point read_clock() const override;
  [[nodiscard]] connection& talk() noexcept { return connection_; }
  /// Sends what the lane was asked to send soon.
  void flush();
  /// After the flush of all: the read that proceed() put off.
  void read_after_flush();

  /// The answer to a submitted request; resume() must follow.
  void take(std::uint64_t slot, owned_reply answer);
  void resume(time_point now);
  void resume_after_pause(time_point now);

  /// Its place among the lane's sessions.
  std::size_t index = 0;

 private:
  void read();
  void read_soon();
  void on_read(std::size_t count);
  void proceed(time_point now);
  void send();
  void send_soon();
  void send_later();
  void watch_blocked();
  void read_while_blocked();
  [[nodiscard]] bool too_slow();
  [[nodiscard]] bool beyond_soft_limit(std::size_t pending, const buffer_limit& limit);
  void close_if_done();
  void close_gently();

  std::shared_ptr<lane> lane_;
  socket_type socket_;
  connection connection_;
  byte_buffer input_;
  byte_buffer sending_;  // in flight; further replies collect in connection_.output()
  time_point started_{};
  time_point last_active_{};
  time_point above_soft_since_{};  // none: it is not
  std::string peer_;               // "ip:port"
  std::string local_;
  bool reading_ = false;  // input_ belongs to the read under way
  bool reads_after_flush_ = false;
  bool writing_ = false;
  bool sending_soon_ = false;  // flush() will come
  bool watching_ = false;      // for the end of a client whose command waits
  bool held_up_ = false;       // the lane calls resume_after_pause
  bool draining_ = false;
  bool closed_ = false;
};

/// Sends what the socket takes at once, and closes it without losing that to a reset.
void say_and_close(boost::asio::ip::tcp::socket& s, std::string_view text);

}  // namespace troupe::resp
