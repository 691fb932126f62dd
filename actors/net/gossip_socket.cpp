#include "actors/net/gossip_socket.hpp"

#include <array>
#include <mutex>
#include <utility>

#include "actors/net/bind_address.hpp"

namespace troupe {

namespace {

using boost::asio::ip::udp;

std::string text_of(const udp::endpoint& e) { return to_string(boost::asio::ip::tcp::endpoint(e.address(), e.port())); }

}  // namespace

// Shared with the pending receive, so that closing needs no waiting.
class gossip_socket::core : public std::enable_shared_from_this<core> {
 public:
  core(boost::asio::io_context& loop, std::shared_ptr<const network_faults> faults)
      : socket_(loop), faults_(std::move(faults)) {}

  expected<void> bind(const udp::endpoint& where) {
    boost::system::error_code failed;
    socket_.open(where.protocol(), failed);
    if (!failed) socket_.bind(where, failed);
    if (!failed) socket_.non_blocking(true, failed);
    if (failed) return fail(errc::unavailable, "cluster.bind " + text_of(where) + " (UDP): " + failed.message());
    return {};
  }

  void set_seal(std::shared_ptr<packet_seal> seal) { seal_ = std::move(seal); }

  void start(receiver r, drop_receiver on_drop) {
    receiver_ = std::move(r);
    on_drop_ = std::move(on_drop);
    receive();
  }

  void send(std::string_view to, std::string bytes) {
    const auto peer = parse_address(to);
    if (!peer) {
      ++numbers_.send_failures;
      return;
    }
    if (faults_ && faults_->cut(network_faults::way::out, to)) return;
    if (seal_) bytes = seal_->seal(seal_purpose::gossip, to, bytes);
    const std::lock_guard lock(mutex_);
    boost::system::error_code failed;
    socket_.send_to(boost::asio::buffer(bytes), udp::endpoint(peer->address(), peer->port()), 0, failed);
    if (failed) {
      ++numbers_.send_failures;
      return;
    }
    ++numbers_.packets_out;
    numbers_.bytes_out += bytes.size();
  }

  void close() {
    const std::lock_guard lock(mutex_);
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

  [[nodiscard]] const numbers& count() const noexcept { return numbers_; }

 private:
  void receive() {
    const std::lock_guard lock(mutex_);
    if (!socket_.is_open()) return;
    socket_.async_receive_from(boost::asio::buffer(buffer_), sender_,
                               [self = shared_from_this()](boost::system::error_code failed, std::size_t size) {
                                 if (failed == boost::asio::error::operation_aborted) return;
                                 if (!failed) self->deliver(size);
                                 self->receive();
                               });
  }

  void deliver(std::size_t size) {
    auto from = text_of(sender_);
    if (faults_ && faults_->cut(network_faults::way::in, from)) return;
    ++numbers_.packets_in;
    numbers_.bytes_in += size;
    const std::string_view bytes(buffer_.data(), size);
    if (!seal_) {
      if (packet_seal::looks_sealed(bytes)) return drop(from, packet_drop::sealed);
      return receiver_(std::move(from), std::string(bytes));
    }
    auto plain = seal_->open(seal_purpose::gossip, from, bytes);
    if (!plain) return drop(from, plain.error());
    receiver_(std::move(from), std::move(*plain));
  }

  void drop(const std::string& from, packet_drop why) {
    ++numbers_.dropped[static_cast<std::size_t>(why)];
    if (on_drop_) on_drop_(from, why);
  }

  std::mutex mutex_;  // sends come from actors, the receive from the I/O thread
  udp::socket socket_;
  const std::shared_ptr<const network_faults> faults_;
  udp::endpoint sender_;
  std::shared_ptr<packet_seal> seal_;
  receiver receiver_;
  drop_receiver on_drop_;
  numbers numbers_;
  std::array<char, datagram_bytes_max> buffer_;
};

gossip_socket::gossip_socket(boost::asio::io_context& loop, std::shared_ptr<const network_faults> faults)
    : core_(std::make_shared<core>(loop, std::move(faults))) {}

gossip_socket::~gossip_socket() { close(); }

expected<void> gossip_socket::bind(const udp::endpoint& where) { return core_->bind(where); }

void gossip_socket::set_seal(std::shared_ptr<packet_seal> seal) { core_->set_seal(std::move(seal)); }

void gossip_socket::start(receiver r, drop_receiver on_drop) { core_->start(std::move(r), std::move(on_drop)); }

void gossip_socket::send(std::string_view to, std::string bytes) { core_->send(to, std::move(bytes)); }

void gossip_socket::close() { core_->close(); }

const gossip_socket::numbers& gossip_socket::count() const noexcept { return core_->count(); }

}  // namespace troupe
