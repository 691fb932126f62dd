#include "actors/net/multicast_beacon.hpp"

#include <mutex>
#include <utility>

#include <boost/asio/ip/multicast.hpp>
#include <boost/asio/steady_timer.hpp>

#include "actors/net/bind_address.hpp"

namespace troupe {

namespace {

namespace asio = boost::asio;
namespace multicast = boost::asio::ip::multicast;
using asio::ip::udp;
using boost::system::error_code;

constexpr std::string_view plain_mark("trp\x01", 4);
constexpr std::size_t datagram_max = 2048;

time_point clock_now() { return std::chrono::steady_clock::now(); }

}  // namespace

class multicast_beacon::core : public std::enable_shared_from_this<core> {
 public:
  core(asio::io_context& loop, announcement self, std::shared_ptr<packet_seal> seal)
      : socket_(loop), timer_(loop), self_(std::move(self)), seal_(std::move(seal)) {
    self_.searching = true;
  }

  expected<void> open(const std::string& group, const asio::ip::address& on) {
    const auto where = parse_address(group);
    if (!where || !where->address().is_multicast() || !where->address().is_v4()) {
      return fail(errc::bad_config, "cluster.multicast " + group + " is no IPv4 group and port");
    }
    group_ = udp::endpoint(where->address(), where->port());
    const bool chosen = on.is_v4() && !on.is_unspecified();
    error_code failed;
    socket_.open(udp::v4(), failed);
    if (!failed) socket_.set_option(udp::socket::reuse_address(true), failed);
    if (!failed) socket_.bind(group_, failed);  // to the group, so that nothing else arrives
    const auto join = chosen ? multicast::join_group(group_.address().to_v4(), on.to_v4())
                             : multicast::join_group(group_.address().to_v4());
    if (!failed) socket_.set_option(join, failed);
    if (!failed && chosen) socket_.set_option(multicast::outbound_interface(on.to_v4()), failed);
    if (!failed) socket_.set_option(multicast::hops(hops), failed);
    if (!failed) socket_.set_option(multicast::enable_loopback(true), failed);
    if (!failed) socket_.non_blocking(true, failed);
    if (failed) return fail(errc::unavailable, "cluster.multicast " + group + ": " + failed.message());
    return {};
  }

  void start(heard_callback heard) {
    heard_ = std::move(heard);
    const std::lock_guard lock(mutex_);
    receive();
    announce_in(duration::zero());
  }

  void found() {
    const std::lock_guard lock(mutex_);
    self_.searching = false;
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    error_code ignored;
    timer_.cancel();
    socket_.close(ignored);
  }

  numbers counted;

 private:
  // All with the lock held but for handlers, which take it.

  void announce_in(duration d) {
    if (closed_) return;
    due_ = clock_now() + d;
    timer_.expires_at(due_);
    timer_.async_wait([self = shared_from_this()](error_code cancelled) {
      if (cancelled) return;
      const std::lock_guard lock(self->mutex_);
      self->announce();
      self->announce_in(self->self_.searching ? search_interval : member_interval);
    });
  }

  void announce() {
    if (closed_) return;
    const auto plain = encode(self_);
    const auto bytes = seal_ ? seal_->seal(seal_purpose::announcement, {}, plain) : std::string(plain_mark) + plain;
    error_code failed;
    socket_.send_to(asio::buffer(bytes), group_, 0, failed);
    if (!failed) ++counted.sent;
    announced_ = clock_now();
  }

  void receive() {
    if (closed_) return;
    socket_.async_receive_from(asio::buffer(buffer_), sender_,
                               [self = shared_from_this()](error_code failed, std::size_t size) {
                                 if (failed == asio::error::operation_aborted) return;
                                 if (!failed) self->take({self->buffer_.data(), size});
                                 const std::lock_guard lock(self->mutex_);
                                 self->receive();
                               });
  }

  void take(std::string_view bytes) {
    std::string opened;
    if (seal_) {
      auto plain = seal_->open(seal_purpose::announcement, {}, bytes);
      if (!plain) return drop();
      opened = std::move(*plain);
    } else if (bytes.starts_with(plain_mark)) {
      opened = bytes.substr(plain_mark.size());
    } else {
      return drop();
    }
    const auto said = decode_announcement(opened);
    if (!said) return drop();
    if (said->id == self_.id) return;  // our own, come back
    if (said->cluster != self_.cluster) {
      ++counted.foreign;
      return;
    }
    ++counted.heard;
    if (said->address != self_.address) heard_(said->address);
    if (said->searching) answer_soon(said->id);
  }

  void drop() { ++counted.dropped; }

  // Spread over some time by what is random already: the ids of the two.
  void answer_soon(const incarnation_id& who) {
    const std::lock_guard lock(mutex_);
    const auto now = clock_now();
    const auto spread = std::chrono::milliseconds((self_.id.low ^ who.low) % 300);
    if (self_.searching || now < announced_ + answer_pause || due_ <= now + answer_delay_max) return;
    announce_in(spread);
  }

  std::mutex mutex_;
  udp::socket socket_;
  asio::steady_timer timer_;
  udp::endpoint group_;
  udp::endpoint sender_;
  announcement self_;
  const std::shared_ptr<packet_seal> seal_;
  heard_callback heard_;
  time_point announced_{};
  time_point due_{};
  bool closed_ = false;
  std::array<char, datagram_max> buffer_;
};

multicast_beacon::multicast_beacon(asio::io_context& loop, announcement self, std::shared_ptr<packet_seal> seal)
    : core_(std::make_shared<core>(loop, std::move(self), std::move(seal))) {}

multicast_beacon::~multicast_beacon() { close(); }

expected<void> multicast_beacon::open(const std::string& group, const asio::ip::address& on) {
  return core_->open(group, on);
}

void multicast_beacon::start(heard_callback heard) { core_->start(std::move(heard)); }
void multicast_beacon::found() { core_->found(); }
void multicast_beacon::close() { core_->close(); }
const multicast_beacon::numbers& multicast_beacon::count() const noexcept { return core_->counted; }

}  // namespace troupe
