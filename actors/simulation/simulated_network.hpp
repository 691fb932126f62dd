// The network between simulated nodes: datagrams, and for each pair of nodes at most one connection, which carries the
// frames of the real link_peers. Everything takes time, drawn; what a fault does to it is undone by its counterpart.
//
//   datagram     lost, delayed, or dropped by a cut
//   connection   what is sent comes, whole and in order, or the connection breaks: at once for the peers of a process
//                that ended, after silence_max when a cut does not let anything through
//
// What it stands in for: TCP, the link's handshake and its rule for two dials at once. Addresses are "n1:7070".
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "actors/link/link_carrier.hpp"
#include "actors/link/link_table.hpp"
#include "actors/simulation/simulated_world.hpp"
#include "runtime/link/chunks.hpp"
#include "runtime/link/frame.hpp"

namespace troupe {

class simulated_network {
 public:
  static constexpr duration latency_min = std::chrono::microseconds(200);
  static constexpr duration latency_max = std::chrono::milliseconds(2);
  static constexpr duration retransmission = std::chrono::milliseconds(200);
  static constexpr duration reset_delay = std::chrono::milliseconds(1);  // until the end of a process is seen
  static constexpr duration silence_max = std::chrono::seconds(10);      // of a connection that nothing passes
  static constexpr duration dial_max = std::chrono::seconds(3);

  /// What a living node is to the network; all of it outlives leave().
  struct station {
    peer_identity self;
    link_table* link = nullptr;
    boost::asio::io_context* loop = nullptr;
    std::function<void(std::string from, std::string bytes)> on_datagram;
  };

  explicit simulated_network(simulated_world& world);
  ~simulated_network();

  void join(std::size_t node, station s);
  /// Its process ended; its host lives.
  void leave(std::size_t node);
  [[nodiscard]] std::shared_ptr<link_carrier> carrier_of(std::size_t node);
  void send_datagram(std::size_t from, std::string_view to, std::string bytes);

  // Faults; they add up.
  void cut(const std::vector<std::size_t>& group) { change_cuts(group, 1); }
  void uncut(const std::vector<std::size_t>& group) { change_cuts(group, -1); }
  void lose(double part) { losses_.insert(part); }
  void lose_no_more(double part) { losses_.erase(losses_.find(part)); }
  void delay(duration most) { delays_.insert(most); }
  void delay_no_more(duration most) { delays_.erase(delays_.find(most)); }

  [[nodiscard]] static std::string name_of(std::size_t node) { return "n" + std::to_string(node + 1); }
  [[nodiscard]] static std::string address_of(std::size_t node) { return name_of(node) + ":7070"; }

 private:
  class carrier;
  class outlet;
  struct wire_end {
    std::size_t node = 0;
    peer_identity who;
    std::shared_ptr<link_peer> peer;  // null until it was told of the connection
    std::shared_ptr<outlet> out;
    std::unique_ptr<frame_reader> reader;
    std::unique_ptr<reassembler> chunks;
    std::deque<std::pair<time_point, std::string>> coming;
    time_point last{};
    std::optional<time_point> blocked_since{};
    bool retrying = false;
  };
  struct wire {
    std::array<wire_end, 2> ends;
    bool open = true;
  };
  using wire_ptr = std::shared_ptr<wire>;
  struct dialling {
    std::size_t node;
    std::size_t to;
    std::shared_ptr<link_peer> peer;
    incarnation_id wanted;
    time_point since;
  };

  void change_cuts(const std::vector<std::size_t>& group, int by);
  [[nodiscard]] bool is_cut(std::size_t a, std::size_t b) const { return cuts_[a * world_.size() + b] > 0; }
  [[nodiscard]] duration some_latency();
  [[nodiscard]] double loss() const { return losses_.empty() ? 0 : *losses_.rbegin(); }
  [[nodiscard]] std::size_t node_at(std::string_view address) const;

  void dial(dialling d);
  void attempt(const dialling& d);
  void connect(const dialling& d);
  void accept(const wire_ptr& w);
  [[nodiscard]] wire_end make_end(std::size_t node, const wire_ptr& w, std::size_t index);
  [[nodiscard]] wire_ptr wire_between(std::size_t a, std::size_t b) const;
  void on_lost(std::size_t node, const std::shared_ptr<link_peer>& peer);
  void send(const wire_ptr& w, std::size_t from, std::string bytes);
  void arrive(const wire_ptr& w, std::size_t at);
  void feed(const wire_ptr& w, std::size_t at, const std::string& bytes);
  void close(const wire_ptr& w);
  void tell_broken(const wire_ptr& w, std::size_t end, const std::string& why, time_point since);

  simulated_world& world_;
  std::vector<std::optional<station>> stations_;
  std::vector<wire_ptr> wires_;  // those that are open
  std::vector<int> cuts_;        // from * nodes + to
  std::multiset<double> losses_;
  std::multiset<duration> delays_;
};

}  // namespace troupe
