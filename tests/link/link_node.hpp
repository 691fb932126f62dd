// A node that has nothing but its link, and a stranger that speaks to one over a plain socket.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <gtest/gtest.h>

#include "actors/link/endpoint.hpp"
#include "actors/link/hmac.hpp"
#include "actors/link/link_table.hpp"

namespace troupe::testing {

inline constexpr auto patience = std::chrono::seconds(20);  // of a wait that should be short

inline time_point soon() { return std::chrono::steady_clock::now() + patience; }

/// A value that threads change and tests wait for.
template <class T>
class watched {
 public:
  template <class Change>
  void update(Change change) {
    const std::lock_guard lock(mutex_);
    change(value_);
    changed_.notify_all();  // under the lock: whoever waits may end this object right after
  }
  template <class Holds>
  [[nodiscard]] bool wait(Holds holds) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return holds(value_); });
  }
  [[nodiscard]] T read() {
    const std::lock_guard lock(mutex_);
    return value_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  T value_{};
};

/// Waits for something that only counters show.
template <class Holds>
[[nodiscard]] bool eventually(Holds holds) {
  const auto end = soon();
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

inline link_settings test_settings() {
  link_settings s;
  s.cluster = "test";
  s.secret = "s3cret";
  return s;
}

struct link_node {
  using letter = std::pair<std::string, std::string>;  // from, bytes

  peer_identity self;
  std::shared_ptr<event_log> log = event_log::none();
  io_pool io{2};
  std::shared_ptr<link_table> link;
  watched<std::vector<letter>> inbox;
  watched<std::vector<letter>> lost;  // peer, words

  link_node(std::string name, std::uint64_t id, link_settings settings = test_settings(),
            const std::string& bind = "127.0.0.1:0")
      : self{std::move(name), {id, id}, {}}, link(std::make_shared<link_table>(io, *log, std::move(settings))) {
    link->set_cluster_handler([this](const peer_identity& from, std::string_view bytes) {
      inbox.update([&](auto& all) { all.emplace_back(from.name, bytes); });
    });
    link->handle_requests(link_request_kind::cache, [](const link_request& request, link_responder responder) {
      responder.answer(request.body);
    });
    link->on_peer_lost([this](const peer_identity& peer, const error& why) {
      lost.update([&](auto& all) { all.emplace_back(peer.name, why.context); });
    });
    const auto bound = link->bind(bind);
    EXPECT_TRUE(bound.has_value()) << (bound ? "" : bound.error().context);
    self.address = link->address();
    link->start(self);
    io.start();
  }
  ~link_node() {
    io.stop();
    link.reset();
  }

  [[nodiscard]] link_target target() const { return {self.address, self.id}; }

  void tell(const link_node& to, std::string_view bytes) {
    const auto sent = link->send_cluster(to.target(), bytes);
    EXPECT_TRUE(sent.has_value()) << (sent ? "" : sent.error().context);
  }

  [[nodiscard]] bool hears(const std::string& from, const std::string& bytes) {
    return inbox.wait([&](const auto& all) {
      return std::find(all.begin(), all.end(), letter{from, bytes}) != all.end();
    });
  }

  /// Asks and waits.
  [[nodiscard]] expected<std::string> ask(const link_target& to, std::string_view body,
                                          std::optional<time_point> deadline = {}) {
    watched<std::optional<expected<std::string>>> answer;
    link->request(to, link_request_kind::cache, body, deadline.value_or(soon()), [&](const auto& reply) {
      answer.update([&](auto& a) {
        if (reply)
          a = std::string(*reply);
        else
          a = tl::unexpected<error>(reply.error());
      });
    });
    if (!answer.wait([](const auto& a) { return a.has_value(); })) return fail(errc::deadline_exceeded, "test");
    return *answer.read();
  }

  [[nodiscard]] std::uint64_t connections() const { return link->numbers().connections.load(); }
};

/// A stranger on a plain, blocking socket.
class raw_socket {
 public:
  explicit raw_socket(const std::string& address) : socket_(context_) {
    const auto where = split_address(address);
    boost::asio::ip::tcp::resolver resolver(context_);
    boost::asio::connect(socket_, resolver.resolve(where->host, where->port));
  }

  void write(std::string_view bytes) {
    boost::system::error_code ignored;
    boost::asio::write(socket_, boost::asio::buffer(bytes.data(), bytes.size()), ignored);
  }

  /// The next frame; none when the other end has closed.
  [[nodiscard]] std::optional<std::pair<frame_type, std::string>> read_frame() {
    std::array<char, frame_header_size> bytes{};
    boost::system::error_code fault;
    boost::asio::read(socket_, boost::asio::buffer(bytes), fault);
    if (fault) return std::nullopt;
    const auto header = decode_header(bytes, 4 * mib);
    if (!header) return std::nullopt;
    std::string payload(header->length, '\0');
    boost::asio::read(socket_, boost::asio::buffer(payload), fault);
    if (fault) return std::nullopt;
    return std::pair{header->type, std::move(payload)};
  }

  [[nodiscard]] bool closed_by_peer() { return !read_frame().has_value(); }

  /// Goes through the handshake as `who`; returns every frame that it sent.
  std::vector<std::string> join(const peer_identity& who, const link_settings& settings = test_settings()) {
    auto machine = handshake::dial({who, settings.cluster, {settings.secret}}, random_nonce(), hmac_sha256);
    std::vector<std::string> sent{machine.start()};
    write(sent.back());
    while (machine.at() == handshake::stage::exchanging) {
      const auto frame = read_frame();
      if (!frame) break;
      auto answer = machine.on_frame(frame->first, frame->second);
      if (answer.empty()) continue;
      sent.push_back(answer);
      write(answer);
    }
    if (machine.at() == handshake::stage::welcomed) {
      sent.push_back(machine.confirm());
      write(sent.back());
    }
    words = machine.words();
    reason = machine.reason();
    return sent;
  }

  void close() { socket_.close(); }

  std::string words;
  link_refusal reason = link_refusal::none;

 private:
  boost::asio::io_context context_;
  boost::asio::ip::tcp::socket socket_;
};

}  // namespace troupe::testing
