// One I/O thread's share of the RESP door: its sessions, and the inbox in which other threads leave
// the answers to submitted requests. A full inbox costs one wake, however many answers came.
//
// Everything on the lane's thread, but deliver().
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "gateways/resp/environment.hpp"
#include "gateways/resp/lane_subscribers.hpp"
#include "gateways/resp/session.hpp"

namespace troupe::resp {

class lane : public client_group, public std::enable_shared_from_this<lane> {
 public:
  lane(boost::asio::io_context& loop, std::shared_ptr<environment> shared, std::size_t number);

  /// A new client. `protect`: refuse those from outside loopback.
  void adopt(boost::asio::ip::tcp::socket s, bool protect);
  /// `s` must be kept by somebody else.
  void remove(session& s);

  /// Calls flush() of the session when all sockets that are ready now have been read.
  void flush_soon(std::shared_ptr<session> s);

  /// Calls resume_after_pause() of the session when the pause of all clients has ended.
  void resume_after_pause(std::shared_ptr<session> s);

  /// Calls resume() of the session at `at`, while its command waits.
  void resume_at(time_point at, std::shared_ptr<session> s);

  void each(function_ref<void(connection&)> visit) override;
  void look_at_paused() override;
  void deliver(pubsub::topic_kind kind, std::string_view channel, std::string_view payload) override {
    numbers_.messages.add(subscribers_.deliver(kind, channel, payload));
  }
  [[nodiscard]] lane_subscribers& subscribers() noexcept { return subscribers_; }
  [[nodiscard]] std::size_t number() const noexcept { return number_; }

  /// From any thread.
  void deliver(std::shared_ptr<session> s, std::uint64_t slot, owned_reply answer);

  /// Closes idle sessions and the others when they are done; then calls `done`, once.
  void drain(std::function<void()> done);
  void close_all();

  [[nodiscard]] boost::asio::io_context& loop() noexcept { return loop_; }
  [[nodiscard]] environment& shared() noexcept { return *shared_; }
  [[nodiscard]] lane_numbers& numbers() noexcept { return numbers_; }
  [[nodiscard]] time_point read_clock() const noexcept { return std::chrono::steady_clock::now(); }

 private:
  struct answer {
    std::shared_ptr<session> to;
    std::uint64_t slot;
    owned_reply reply;
  };

  [[nodiscard]] bool refuse(boost::asio::ip::tcp::socket& s, bool protect);
  void empty_inbox();
  void flush_all();
  void watch_idle();
  void watch_pause();
  void watch_resting();
  void resume_rested();
  void report_drained();
  [[nodiscard]] duration idle_limit() const;

  boost::asio::io_context& loop_;
  std::shared_ptr<environment> shared_;
  lane_numbers& numbers_;
  const std::size_t number_;
  lane_subscribers subscribers_;
  boost::asio::steady_timer idle_timer_;
  std::vector<std::shared_ptr<session>> sessions_;
  std::vector<std::shared_ptr<session>> to_flush_;
  std::vector<std::shared_ptr<session>> flushing_;  // kept for its memory
  std::vector<std::shared_ptr<session>> paused_;
  boost::asio::steady_timer pause_timer_;
  bool watching_pause_ = false;
  std::multimap<time_point, std::shared_ptr<session>> resting_;
  boost::asio::steady_timer rest_timer_;
  std::function<void()> drained_;  // set while a drain waits
  bool closed_to_new_ = false;
  bool watching_idle_ = false;

  std::mutex inbox_mutex_;
  std::vector<answer> inbox_;
  bool inbox_closed_ = false;  // answers hold their sessions, which hold this lane: nothing may stay
};

}  // namespace troupe::resp
