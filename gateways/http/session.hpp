// One HTTP connection. All of it runs on the thread of its lane.
//
// The picture: bytes read -> as many whole requests as there are, answered in order into one output
// string -> one write -> read again. An answer that comes later stops the reading of requests until it
// is there, so answers never change places. Nothing is read while output waits for a slow client.
//
// | phase     | waits for                        | at its deadline                  |
// |-----------|----------------------------------|----------------------------------|
// | idle      | the first byte of a request      | close                            |
// | header    | the end of a header              | 408, close                       |
// | body      | the end of a body                | 408, close                       |
// | answering | a handler that answers later     | 504, goes on                     |
// | streaming | events (a body without an end)   | none: each sweep lets it send    |
// | lingering | the client to see the last answer| close                            |
// In every phase output that the client does not take in body_timeout closes the connection.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "gateways/http/input_buffer.hpp"
#include "gateways/http/lane.hpp"
#include "gateways/http/message.hpp"
#include "gateways/http/request_parser.hpp"

namespace troupe {

class http_session final : public std::enable_shared_from_this<http_session>, private http_exchange {
 public:
  static constexpr std::size_t output_high_water = 256 * 1024;  // no request is taken above it
  static constexpr std::size_t output_kept_max = 64 * 1024;     // a larger output string is given back
  static constexpr std::size_t stream_room = 64 * 1024;         // pulled from a stream at a time
  static constexpr std::size_t request_id_max = 64;
  static constexpr std::size_t linger_bytes_max = 64 * 1024 * 1024;
  static constexpr duration linger_time = std::chrono::seconds(2);
  static constexpr duration answer_grace = std::chrono::seconds(1);

  http_session(std::shared_ptr<http_lane> lane, boost::asio::ip::tcp::socket socket, std::size_t slot);

  void start();
  /// 503 and close: there are too many connections.
  void refuse_connection();
  void sweep(time_point now);
  void drain();
  void close();

  [[nodiscard]] std::size_t slot() const noexcept { return slot_; }
  void move_to(std::size_t slot) noexcept { slot_ = slot; }

 private:
  enum class phase : std::uint8_t { idle, header, body, answering, streaming, lingering };

  const http_request& request() const noexcept override { return *request_; }
  time_point now() const noexcept override { return now_; }
  answer_writer& writer() noexcept override { return writer_; }
  http_later later(time_point deadline) override;
  void stream(std::string_view content_type, std::unique_ptr<http_stream> body) override;
  void take_over(http_take_over f) override { take_over_ = std::move(f); }

  void read();
  void on_read(std::size_t n);
  void work();
  [[nodiscard]] bool may_take_request() const noexcept;
  [[nodiscard]] bool take_request();
  void answer_request(http_request& request);
  void choose_request_id(http_request& request) noexcept;
  void frame(const http_request& request, bool keep_alive);
  void refuse(parse_status why);
  void refuse(http_refusal why, int status, std::string detail);
  void on_later(std::uint64_t ticket, const http_reply& reply);
  void count_answer();
  void enter_waiting_phase();
  void hand_over();
  [[nodiscard]] bool flush();
  void wait_writable();
  [[nodiscard]] bool pump();
  void end();

  std::shared_ptr<http_lane> lane_;
  boost::asio::ip::tcp::socket socket_;
  std::size_t slot_;
  request_parser parser_;
  input_buffer in_;
  std::string out_;
  std::size_t sent_ = 0;  // of out_
  answer_writer writer_;
  http_request* request_ = nullptr;  // during a handler's call
  std::unique_ptr<http_stream> stream_;
  http_take_over take_over_;
  phase phase_ = phase::idle;
  time_point now_{};              // of the present batch
  time_point deadline_{};         // of the phase
  time_point output_deadline_{};  // while writing_
  std::uint64_t ticket_ = 0;      // of the answer that is waited for: a late one for an older is ignored
  std::size_t lingered_ = 0;
  bool reading_ = false;
  bool writing_ = false;  // out_ waits for the socket to take more
  bool awaiting_writable_ = false;
  bool waiting_ = false;  // for an answer that comes later
  bool continue_sent_ = false;
  bool close_after_ = false;  // the output
  bool refused_ = false;      // the rest of the input is not understood
  bool closed_ = false;
  std::array<char, request_id_max> id_{};
  std::size_t id_size_ = 0;
};

}  // namespace troupe
