// LISTEN on a connection of its own, dialled when somebody listens and again whenever it breaks. Each time that the
// server says that it listens, the listeners of the channel are told of a gap: what was notified before is lost, what
// is notified from then on is not.
//
// A channel of a namespace is NAMESPACE:CHANNEL in the server, which has one space of names for all schemas.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "actors/db/notice_board.hpp"
#include "gateways/db/postgres_connection.hpp"
#include "gateways/db/postgres_login.hpp"
#include "runtime/base/backoff.hpp"

namespace troupe {

class postgres_listener : public std::enable_shared_from_this<postgres_listener> {
 public:
  static constexpr duration dial_first = std::chrono::milliseconds(50);
  static constexpr duration dial_most = std::chrono::seconds(1);

  postgres_listener(boost::asio::io_context& loop, std::shared_ptr<const postgres_login> login, std::string prefix,
                    std::uint64_t seed);

  /// From any thread.
  [[nodiscard]] subscription listen(const std::string& channel, notice_board::listener f);
  void stop();

  static constexpr char separator = ':';  // in no name of a namespace

 private:
  [[nodiscard]] notice_board& board();
  void look_at(const std::string& channel);
  void dial();
  void on_dialled(const expected<void>& outcome);
  void on_lost();
  void again();
  void send(const std::string& channel, bool wanted);
  void on_listening(const std::string& channel);

  boost::asio::io_context& loop_;
  const std::shared_ptr<const postgres_login> login_;
  const std::string prefix_;
  boost::asio::steady_timer timer_;
  random rng_;
  backoff waits_{dial_first, dial_most};
  std::mutex mutex_;
  std::shared_ptr<notice_board> board_;  // guarded by mutex_; made at the first listen
  std::map<std::string, bool> wanted_;   // channel -> the server listens
  std::shared_ptr<postgres_connection> connection_;
  bool dialling_ = false;
  bool stopped_ = false;
};

}  // namespace troupe
