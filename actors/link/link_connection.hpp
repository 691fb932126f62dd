// One TCP connection of the cluster link, from connect or accept to its end: first the handshake,
// then the frames of one peer. Reads and writes happen on the thread of its io_context; what the
// table says to it is posted there. It never decides: it asks the host, and waits for the word.
//
// Writing: everything that waits is taken in one batch and written with one async_write. A frame that goes out
// alone, in answer to one that came alone, is written by who sends it: that saves a wake of the I/O thread.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "actors/link/link_carrier.hpp"
#include "actors/link/link_host.hpp"
#include "runtime/link/chunks.hpp"
#include "runtime/link/frame.hpp"
#include "runtime/link/handshake.hpp"

namespace troupe {

class link_connection final : public link_outlet, public std::enable_shared_from_this<link_connection> {
 public:
  using tcp = boost::asio::ip::tcp;

  /// `socket` is open when it was accepted, closed when it is to be dialled.
  link_connection(tcp::socket socket, link_host& host);

  // The table's words; each returns at once.
  void dial(std::string address, incarnation_id wanted);
  void accept();
  void admit();
  void refuse(link_refusal reason, std::string words);
  /// Frames of `peer` flow from now on; a dialler says ready first.
  void attach(std::shared_ptr<link_peer> peer, bool confirm);
  /// Something waits in the peer's queue.
  void flush() override;
  /// Writes it on the caller's thread, as far as the socket takes it at once and nobody else writes.
  void write_now() override;
  /// Begins to close an idle connection; frames that are under way still arrive.
  void say_idle();
  /// Writes what waits (for at most goodbye_max), tells the peer why, closes.
  void say_goodbye(std::string words);
  void abort(error why);
  /// The table ends, and no I/O thread runs: closes without a word.
  void drop();

  /// When a byte last went in or out.
  [[nodiscard]] time_point last_activity() const noexcept {
    return time_point(duration(last_activity_.load(std::memory_order_relaxed)));
  }

  // Fields of the table's home thread.
  std::shared_ptr<link_peer> owner;
  peer_identity who;  // inbound, once proven

 private:
  void arm_timer(duration after, std::string words);
  using step = void (link_connection::*)();
  [[nodiscard]] bool held(network_faults::way w, step again);
  void connect();
  void on_connected();
  void set_options();
  void read();
  void take_arrived();
  void process();
  [[nodiscard]] bool on_frame(const frame& f);
  void on_handshake_frame(const frame& f);
  void on_close(std::string_view payload);
  void garbage(const error& why);
  void write_raw(std::string bytes);
  void write_more();
  void start_write(std::size_t from);
  [[nodiscard]] bool try_write();
  [[nodiscard]] std::size_t write_blocks();
  void share_writes(bool shared);
  void on_written(boost::system::error_code fault, std::size_t size);
  void lose(const boost::system::error_code& fault, std::string words);
  void end(error why);
  void touch() noexcept;

  tcp::socket socket_;
  tcp::resolver resolver_;
  boost::asio::steady_timer timer_;
  link_host& host_;
  std::atomic<duration::rep> last_activity_{0};
  std::string far_;  // cluster address of the other side, as far as it is known
  std::vector<tcp::endpoint> endpoints_;

  struct arrival {
    boost::system::error_code fault;
    std::size_t size = 0;
  };
  arrival arrived_;  // of the last read

  std::optional<handshake> handshake_;
  frame_reader reader_;
  reassembler chunks_;
  std::shared_ptr<link_peer> peer_;  // once attached
  bool paused_ = false;              // waits for the table's word
  bool ended_ = false;
  connection_end end_;
  unsigned timer_round_ = 0;  // an earlier round's expiry means nothing

  std::mutex writes_;                // guards what follows, and the socket against its end while others write
  bool shared_ = false;              // others than the I/O thread may write
  bool writing_ = false;             // an async_write is under way
  std::string raw_;                  // handshake and close frames, before the peer's queue
  std::vector<std::string> blocks_;  // being written
  std::vector<boost::asio::const_buffer> buffers_;
  std::uint64_t batch_ = 0;  // bytes of blocks_ that came from the peer's queue

  bool said_idle_ = false;
  bool goodbye_ = false;  // close when everything is written
  std::string goodbye_frame_;
  bool close_when_written_ = false;
};

}  // namespace troupe
