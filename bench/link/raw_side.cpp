// What a socket can do at best here: an Asio echo that looks at nothing.
#include <array>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "bench/link/sides.hpp"

namespace troupe::bench {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr std::size_t message_size = payload_size + 8;
constexpr std::size_t buffer_size = 64 * 1024;

struct echo : std::enable_shared_from_this<echo> {
  explicit echo(tcp::socket s) : socket(std::move(s)), buffer(buffer_size) {}

  void read() {
    socket.async_read_some(asio::buffer(buffer), [self = shared_from_this()](auto fault, std::size_t size) {
      if (fault) return;
      asio::async_write(self->socket, asio::buffer(self->buffer.data(), size), [self](auto failed, std::size_t) {
        if (!failed) self->read();
      });
    });
  }

  tcp::socket socket;
  std::vector<char> buffer;
};

class raw_client final : public client {
 public:
  explicit raw_client(const std::string& where) : socket_(io_) {
    socket_.connect({asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(std::stoul(where))});
    socket_.set_option(tcp::no_delay(true));
  }

  double requests(int count, int window) override {
    std::vector<char> out(message_size * static_cast<std::size_t>(window), 'x');
    std::vector<char> in(buffer_size);
    return seconds_of([&] {
      std::size_t unsent = static_cast<std::size_t>(count);
      std::size_t bytes_in = 0;
      const std::size_t bytes_wanted = message_size * unsent;
      const auto send = [&](std::size_t n) {
        n = std::min(n, unsent);
        unsent -= n;
        if (n > 0) asio::write(socket_, asio::buffer(out.data(), n * message_size));
      };
      send(static_cast<std::size_t>(window));
      while (bytes_in < bytes_wanted) {
        const auto before = bytes_in / message_size;
        bytes_in += socket_.read_some(asio::buffer(in));
        send(bytes_in / message_size - before);
      }
    });
  }

  double one_way(int) override { return 0; }

 private:
  asio::io_context io_;
  tcp::socket socket_;
};

}  // namespace

server serve_raw() {
  return [](const auto& ready, const auto& ended) {
    asio::io_context io(1);
    tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
    std::function<void()> accept = [&] {
      acceptor.async_accept([&](auto fault, tcp::socket socket) {
        if (fault) return;
        socket.set_option(tcp::no_delay(true));
        std::make_shared<echo>(std::move(socket))->read();
        accept();
      });
    };
    accept();
    std::thread loop([&] { io.run(); });
    ready(std::to_string(acceptor.local_endpoint().port()));
    ended();
    io.stop();
    loop.join();
  };
}

std::unique_ptr<client> ask_raw(const std::string& where) { return std::make_unique<raw_client>(where); }

}  // namespace troupe::bench
